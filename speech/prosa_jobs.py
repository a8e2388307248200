"""
Prosa's REST interface: a job is handed in and asked for until it is done.

`POST {base}/{kind}` takes {"config", "request"}, `GET {base}/{kind}/{job_id}` asks.
With `wait` the first answer usually holds the result already, but it need not.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping

from domain.deadlines import Deadline
from domain.errors import TurnTimeout
from speech.remote import RemoteClient, RemoteFault, retrying, shorten

VENDOR_URL = "https://api.prosa.ai/v2/speech"
POLL_SECONDS = 1.0
# A second of speech is 48 kB to 96 kB, a third more in base64.
MAX_REPLY_BYTES = 16 * 1024 * 1024
# Older deployments say `error`.
_FAILED = frozenset({"failed", "error", "cancelled"})
_DONE = frozenset({"complete", "completed"})
_JOB_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
MAX_LOST_POLLS = 3


class ProsaJobs:
    """
    Jobs of one kind.

    Args:
        base_url: Up to `/speech`.
        kind: `stt` or `tts`.
        timeout_seconds: One job, from its request to its result.
        poll_seconds: Between two questions about it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        kind: str,
        api_key: str | None,
        timeout_seconds: float,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        base = base_url.rstrip("/").removesuffix(f"/{kind}")
        self._url = f"{base}/{kind}"
        self._kind = kind
        self._timeout_seconds = timeout_seconds
        self._poll_seconds = poll_seconds
        headers = {"x-api-key": api_key} if api_key else {}
        self._client = RemoteClient(headers=headers, timeout_seconds=timeout_seconds)

    async def run(
        self,
        config: Mapping[str, object],
        request: Mapping[str, object],
        *,
        deadline: Deadline,
    ) -> Mapping[str, object]:
        """
        Return the result of a job.

        Raises:
            RemoteFault: It failed, or was not done in time.
        """
        deadline = shorten(deadline, self._timeout_seconds)
        payload = {"config": dict(config), "request": {"label": "tanya", **request}}

        async def submit() -> dict[str, object]:
            return await self._ask("POST", self._url, payload, deadline=deadline)

        engine = f"prosa {self._kind}"
        job = await retrying(submit, engine=engine, deadline=deadline)
        lost = 0
        while (result := _result(job)) is None:
            try:
                await asyncio.sleep(min(self._poll_seconds, deadline.remaining()))
                job = {"job_id": job.get("job_id"), **await self._poll(job, deadline)}
                lost = 0
            except TurnTimeout as exc:
                raise RemoteFault("not done in time", again=False) from exc
            except RemoteFault as exc:
                lost += 1
                if not exc.again or lost > MAX_LOST_POLLS:
                    raise
        return result

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _poll(
        self, job: Mapping[str, object], deadline: Deadline
    ) -> dict[str, object]:
        job_id = str(job.get("job_id", ""))
        # It becomes part of a path: nothing else than a name may come here.
        if not _JOB_ID.fullmatch(job_id) or job_id.strip(".") == "":
            raise RemoteFault("no job", again=False)
        return await self._ask("GET", f"{self._url}/{job_id}", deadline=deadline)

    async def _ask(
        self,
        method: str,
        url: str,
        payload: Mapping[str, object] | None = None,
        *,
        deadline: Deadline,
    ) -> dict[str, object]:
        body = await self._client.fetch(
            method, url, payload=payload, max_bytes=MAX_REPLY_BYTES, deadline=deadline
        )
        try:
            job = json.loads(body)
        except ValueError as exc:
            raise RemoteFault("unreadable", again=False) from exc
        if not isinstance(job, dict):
            raise RemoteFault("unreadable", again=False)
        return job


def _result(job: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the result of a job that is done, None while it is not."""
    status = str(job.get("status", "")).lower()
    result = job.get("result")
    if status in _FAILED:
        # The server took the job and could not do it: another one may go well.
        raise RemoteFault("job failed", again=False, status=422)
    if status in _DONE or (not status and result is not None):
        if not isinstance(result, dict):
            raise RemoteFault("no result", again=False)
        return result
    return None
