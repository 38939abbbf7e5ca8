"""Stage 1: what a model is made of, and how a person declares one."""
