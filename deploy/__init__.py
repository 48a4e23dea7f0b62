"""What a deployment needs that is made by a program."""
