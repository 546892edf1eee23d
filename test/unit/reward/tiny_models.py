"""Tiny models with random weights, made in the test: they prove the plumbing, not the judgement."""

import numpy as np
import yaml

SENTENCES = (
    "the road ahead is clear and the car keeps its lane",
    "the car is about to hit the vehicle in front",
    "a collision is imminent",
    "nothing is in the way of the car",
    "a dog on a sofa",
    "a bowl of soup",
)
CONTEXT = 16
PREPROCESS = {"size": 32, "fit": "crop", "mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "context_length": 16}


def word_tokenizer():
    """A tokenizer of whole words; ends every sentence with <end>, as CLIP's does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    specials = ["<pad>", "<unk>", "<start>", "<end>"]
    words = dict.fromkeys(" ".join(SENTENCES).split())
    vocabulary = {word: index for index, word in enumerate([*specials, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    return tokenizer


def save_tokenizer(folder):
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(), pad_token="<pad>", bos_token="<start>", eos_token="<end>", unk_token="<unk>"
    )
    fast.save_pretrained(folder)
    return len(fast)


def make_transformers_folder(folder, kind):
    """Save a randomly initialised model of a few thousand weights. kind: clip or siglip."""
    import torch
    import transformers

    torch.manual_seed(3)
    size = save_tokenizer(folder)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**small, "vocab_size": size, "max_position_embeddings": CONTEXT, "pad_token_id": 0, "bos_token_id": 2}
    text = {**text, "eos_token_id": 3}
    vision = {**small, "image_size": 32, "patch_size": 16}
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
        model, processor = transformers.CLIPModel(config), transformers.CLIPImageProcessorPil
        processor = processor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    else:
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        model = transformers.SiglipModel(config)
        processor = transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32})
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_onnx_folder(folder, image_width=8, text_width=8, mask=True):
    """Write an ONNX dual encoder: pooled pixels and averaged word vectors, each through one random matrix."""
    from onnx import TensorProto, helper, numpy_helper, save

    random = np.random.default_rng(5)

    def network(nodes, inputs, weights):
        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", None])
        held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
        graph = helper.make_graph(nodes, "tower", inputs, [output], held)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, 32, 32])
    weight = random.normal(size=(48, image_width)).astype(np.float32)
    save(network(nodes, [pixels], {"weight": weight}), folder / "image.onnx")
    tokens = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["M", "L"])]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["words"])]
    if mask:
        tokens.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["M", "L"]))
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["kept", "last"], ["column"]),
            helper.make_node("Mul", ["words", "column"], ["masked"]),
        ]
    nodes.append(helper.make_node("ReduceMean", ["masked" if mask else "words"], ["embedding"], axes=[1], keepdims=0))
    table = random.normal(size=(64, text_width)).astype(np.float32)
    held = {"table": table, "last": np.array([2], np.int64)} if mask else {"table": table}
    save(network(nodes, tokens, held), folder / "text.onnx")
    word_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "preprocess.yaml").write_text(yaml.safe_dump(PREPROCESS))
    return folder
