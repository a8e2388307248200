"""Who answers: models, the RAG graph, grounding. Imported by `app` only."""
