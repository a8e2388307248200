"""
The doors that clients of OpenAI know: models, chat completions, audio.

Errors on these paths have OpenAI's shape (`api.openai.errors`), everything else is as
in the other doors. The library of the same name is not used here.
"""
