"""The realtime door: a WebSocket that speaks the events of OpenAI's Realtime API."""
