"""What happens after a detection: lifecycle, severity, wording."""
