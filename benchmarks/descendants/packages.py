"""The packages' own sLSTMs, where they are installed: cells with given weights, layers, whole models.

Weights are random: the shapes are those of what is published.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import torch

from benchmarks.descendants.cells import GATES, Held, Pass, Size


def find(name: str) -> Any:
    """Return a module of a package that may not be installed; None where it is not."""
    with warnings.catch_warnings():  # of what they import in turn
        warnings.simplefilter("ignore")
        try:
            return import_module(name)
        except ImportError:
            return None


def xlstm_cell(held: Held, size: Size) -> Pass | None:
    """Return the pass of xlstm's own cell with the backend "vanilla"."""
    if (module := find("xlstm.blocks.slstm.cell")) is None:
        return None
    options = {"backend": "vanilla", "dtype": "float32", "enable_automatic_mixed_precision": False}
    config = module.sLSTMCellConfig(hidden_size=size.units, num_heads=size.heads, **options)
    cell = module.sLSTMCell_vanilla(config)
    with torch.no_grad():
        cell._recurrent_kernel_.copy_(held.R.permute(0, 2, 3, 1).flatten(1, 2))
        cell._bias_.copy_(held.b.flatten())
    return lambda x: cell(x.transpose(0, 1))[0].permute(2, 0, 1, 3).flatten(2)


def tirex_cell(held: Held, size: Size) -> Pass | None:
    """Return the pass of the cell of tirex-ts, which rounds to bfloat16 at every step."""
    if (module := find("tirex.models.slstm.cell")) is None:
        return None
    config = module.sLSTMBlockConfig(embedding_dim=size.units, num_heads=size.heads)
    cell = module.sLSTMCell(config, "torch")
    with torch.no_grad():
        cell._recurrent_kernel_.copy_(held.R.flatten(2))
        cell._bias_.copy_(held.b.transpose(0, 1).flatten())
    return lambda x: cell(x.transpose(0, 1), None)[0].permute(2, 0, 1, 3).flatten(2)


def flashrnn(held: Held, size: Size) -> Pass | None:
    """Return flashrnn's functional call on its backend "vanilla", as tirex-2 has it on a CPU."""
    if (module := find("flashrnn.flashrnn")) is None:
        return None
    head = size.units // size.heads
    config = module.FlashRNNConfig(
        hidden_dim=size.units,
        num_heads=size.heads,
        head_dim=head,
        backend="vanilla",
        function="slstm",
        recurrent_shape="HPGD",
        bias_shape="HGD",
    )

    def run(x: torch.Tensor) -> torch.Tensor:
        products = x.transpose(0, 1).reshape(size.rows, -1, GATES, size.heads, head)
        states, _ = module.flashrnn(products, held.R, held.b.transpose(0, 1), config=config)
        found: torch.Tensor = states[0].transpose(0, 1).flatten(2)
        return found

    return run


CELLS = {"tirex-ts": tirex_cell, "flashrnn": flashrnn, "xlstm": xlstm_cell}


def tirex2_layer(units: int = 512, heads: int = 4) -> Any:
    """Return one sLSTM layer of TiRex-2; None where it is not installed."""
    module = find("tirex2.model.component.flashrnn_slstm")
    if module is None or find("flashrnn") is None:
        return None
    torch.manual_seed(0)
    config = module.FlashRNNLayerConfig(
        embedding_dim=units,
        num_heads=heads,
        backend="vanilla",
        recurrent_shape="HPGD",
        bias_shape="HGD",
        recurrent_weight_init="standard",
    )
    return module.sLSTMFlashRNNLayer(config, block_idx=1, num_blocks=3).eval()


def xlstm_layer(units: int = 512, heads: int = 4, convolution: int = 4) -> Any:
    """Return one sLSTM layer of xlstm, with its convolution; None where it is not installed."""
    if (module := find("xlstm.blocks.slstm.layer")) is None:
        return None
    torch.manual_seed(0)
    config = module.sLSTMLayerConfig(
        embedding_dim=units,
        num_heads=heads,
        conv1d_kernel_size=convolution,
        backend="vanilla",
        dtype="float32",
        enable_automatic_mixed_precision=False,
    )
    layer = module.sLSTMLayer(config)
    layer.reset_parameters()
    return layer.eval()


def tirex_config(
    units: int = 512, blocks: int = 12, feed: int = 2048, context: int = 2048
) -> dict[str, Any]:
    """Return the arguments of TiRex's model: as published, 35.3 million parameters, by default."""
    block = {
        "embedding_dim": units,
        "num_heads": 4,
        "num_blocks": blocks,
        "ffn_proj_factor": 2.6667,
    }
    return {
        "model_config": {
            "input_patch_size": 32,
            "output_patch_size": 32,
            "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
            "input_ff_dim": feed,
            "block_kwargs": block,
        },
        "train_ctx_len": context,
    }


def tirex_model(**sizes: int) -> Any:
    """Return TiRex with random weights, as published but for `sizes`; None where it is not installed."""
    if (module := find("tirex.models.tirex")) is None:
        return None
    torch.manual_seed(0)
    model = module.TiRexZero("torch", **tirex_config(**sizes))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.02)
            elif name.endswith("_bias_"):
                parameter.normal_()
    return model.eval()


def tirex2_config(units: int = 32, blocks: int = 2, context: int = 128) -> dict[str, Any]:
    """Return the arguments of a small TiRex-2 of sLSTM layers, with patches of 32 values."""
    block = {
        "time_mixer": {"model_type": "bi-slstm", "embedding_dim": units, "num_heads": 4},
        "variate_mixer": {"embedding_dim": units, "num_heads": 4},
        "dropout": 0.0,
        "eps": 1e-6,
    }
    patch = {"input_patch_size": 32, "output_patch_size": 32}
    return {
        **patch,
        "stack_config": {"templates": {"only": block}, "recipe": ["only"] * blocks},
        "num_blocks": blocks,
        "embedding_dim": units,
        "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "tokenizer_cfg": {**patch, "input_patch_stride": 32},
        "scaler_cfg": {},
        "h_expand": 2,
        "context_len": context,
        "future_len": 64,
        "input_ff_dim": 64,
        "act_func": "ReLU",
        "dropout": 0.0,
        "device": "cpu",
    }


def tirex2_model(**sizes: int) -> Any:
    """Return a small TiRex-2 with random weights; None where it is not installed."""
    if find("flashrnn") is None or (module := find("tirex2")) is None:
        return None
    torch.manual_seed(0)
    return module.TiRex2(**tirex2_config(**sizes)).eval()


def forecast(model: Any, context: torch.Tensor) -> torch.Tensor:
    """Return the quantiles `[rows, 32, 9]` of a TiRex model for the patch after `context [rows, T]`."""
    quantiles, _ = model.forecast(
        context, prediction_length=32, output_type="torch", batch_size=len(context)
    )
    found: torch.Tensor = quantiles
    return found


def contexts(rows: int, steps: int = 2048) -> torch.Tensor:
    """Return `[rows, T]` random walks with a season."""
    generator = torch.Generator().manual_seed(1)
    walk = torch.randn(rows, steps, generator=generator).cumsum(-1)
    return walk + 8 * torch.sin(torch.arange(steps) * (2 * torch.pi / 48))
