"""The one error of the recipe: a sentence that says what is wrong and what to do next."""


class RecipeError(Exception):
    """A step cannot go on. The message is shown to the user as it is."""
