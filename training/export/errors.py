class ExportError(Exception):
    """Input that cannot be exported. The text names the file and the field or parameter."""
