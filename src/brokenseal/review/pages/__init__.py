"""The pages of the review: what each one knows. How it looks is in the templates."""
