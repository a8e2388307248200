"""Words of Indonesian and English: detection, analysis, sentences. Imports `domain`."""
