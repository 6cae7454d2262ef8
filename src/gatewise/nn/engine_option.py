"""The `engine` option that every drop-in module and cell has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gatewise.engines import EngineChoice, check_engine, choose
from gatewise.nn.foreign import Qconfig, refuse_script
from gatewise.nn.structure import spec_of

if TYPE_CHECKING:
    Base = torch.nn.Module
else:
    Base = object


class EngineOption(Base):
    """Takes `engine` beside the arguments of torch's class, before which it comes.

    Attributes:
        engine: `"auto"`, or the engine that must run this module; never replaced by another.
    """

    # On the class, so that modules pickled by torch, or turned from torch's class, have it too.
    engine: str = "auto"
    qconfig = Qconfig()
    __prepare_scriptable__ = refuse_script  # torch.jit.script asks each module for it

    def __init__(self, *args: Any, engine: str = "auto", **kwargs: Any) -> None:
        check_engine(engine)
        super().__init__(*args, **kwargs)
        self.engine = engine

    def engine_choice(self, input: Tensor | None = None) -> EngineChoice:
        """Return which engine runs this module, and why.

        It may depend on the device and the type of `input`; if absent, those of the parameters
        count. Raises OptionError or EngineError if the engine named cannot.
        """
        like = next(self.parameters()) if input is None else input
        spec = spec_of(self)  # type: ignore[arg-type]  # it is torch's
        return choose(self.engine, spec, like, weights=self._held_weights())

    def _held_weights(self) -> list[Tensor]:
        """Return the parameters as they are, which torch.func and others replace for a call."""
        return [weight for weight in self._parameters.values() if weight is not None]

    def extra_repr(self) -> str:
        """Return torch's description, and the engine where one is named."""
        text = super().extra_repr()
        return text if self.engine == "auto" else f"{text}, engine={self.engine!r}"
