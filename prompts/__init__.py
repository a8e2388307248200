"""Words for models: text and placeholders only, English and Indonesian."""
