"""A local AWS for the demo and the end-to-end tests: MiniStack with IAM enforced, and a proxy in front
of it that can answer in its place."""
