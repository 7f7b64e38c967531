"""What tokens cost."""

from hippo.config import LLMConfig
from hippo.protocols import LLM

__all__ = ["Prices"]

_MILLION = 1_000_000


class Prices:
    """US dollars for the tokens of one model.

    Each side's price is the settings' (`input_price`, `output_price`), else that of the model object (an attribute
    `price`: dollars for a million input and output tokens; `(0.0, 0.0)` for a model that runs here), else what the
    package `genai-prices` knows by the model's name. Its table is part of the package: nothing is fetched.
    """

    def __init__(self, llm: LLM, settings: LLMConfig) -> None:
        own_input, own_output = getattr(llm, "price", None) or (None, None)
        self._model = llm.model
        self._input = own_input if settings.input_price is None else settings.input_price
        self._output = own_output if settings.output_price is None else settings.output_price

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars for so many tokens of one request; None: not known."""
        listed: tuple[float, float] | None = (0.0, 0.0)
        if self._input is None or self._output is None:
            listed = _listed(self._model, input_tokens, output_tokens)
        if listed is None:
            return None
        sent = listed[0] if self._input is None else self._input * input_tokens / _MILLION
        received = listed[1] if self._output is None else self._output * output_tokens / _MILLION
        return sent + received


def _listed(model: str, input_tokens: int, output_tokens: int) -> tuple[float, float] | None:
    """Dollars for input and output by the published prices."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    try:
        price = calc_price(Usage(input_tokens=input_tokens, output_tokens=output_tokens), model)
    except LookupError:
        return None
    return float(price.input_price), float(price.output_price)
