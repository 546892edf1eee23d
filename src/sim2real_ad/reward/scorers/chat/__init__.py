"""A chat model with eyes behind an OpenAI-compatible endpoint, asked as seldom as possible, never beyond a budget."""
