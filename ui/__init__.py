"""The Streamlit chat: a client of the service over HTTP. Streamlit lives only here."""
