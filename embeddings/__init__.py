"""Texts to vectors and terms, vectors and terms to issues."""
