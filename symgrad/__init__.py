"""symgrad: symbolic derivation, code generation and verification."""
