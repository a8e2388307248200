"""Entry of the web chat, and guard of the name it shares with its library."""

# ruff: noqa: PLC0415 - What is imported depends on who runs this file.
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent


def _step_aside() -> None:
    """Put the library where `sys.modules` holds this file."""
    del sys.modules["streamlit"]
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != HERE]
    spec = PathFinder.find_spec("streamlit", elsewhere)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("The Streamlit library is not installed: make setup")
    sys.modules["streamlit"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["streamlit"])


def _run() -> None:
    """Draw the chat inside Streamlit; otherwise be Streamlit, or start it here."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    sys.path[:0] = [] if str(HERE) in sys.path else [str(HERE)]
    if get_script_run_ctx(suppress_warning=True):
        from config import load_settings
        from ui.chat import show_chat

        settings = load_settings()
        key = settings.api_key.get_secret_value() if settings.api_key else None
        # With API_KEYS the file of an earlier start holds a key that is no longer one.
        kept = None if settings.api_keys else HERE / settings.data_dir / "api_key"
        show_chat(settings.own_url, key=key, key_file=kept)
    else:
        from streamlit.web.cli import main

        if __spec__ is None:  # `python streamlit.py`, not `python -m streamlit ...`
            sys.argv[1:] = ["run", __file__, *_address(), *sys.argv[1:]]
        main(prog_name="streamlit")


def _address() -> list[str]:
    from config import load_settings
    from domain.errors import ConfigurationError

    try:
        chosen = load_settings()
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc.detail}\n")
        sys.exit(2)
    return ["--server.address", chosen.host, "--server.port", str(chosen.ui_port)]


if __name__ == "streamlit":
    _step_aside()
elif __name__ == "__main__":
    _run()
