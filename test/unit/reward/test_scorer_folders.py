"""Folders with a model that cannot be used, and names of scorers that there are not."""

import json
import shutil

import numpy as np
import pytest
import yaml
from tiny_models import PREPROCESS, make_onnx_folder

from sim2real_ad.errors import ConfigError, ScorerError
from sim2real_ad.reward.scorers.onnx_dual import Preprocess, normalise
from sim2real_ad.reward.scorers.registry import calibration_path, load_scorer


@pytest.mark.parametrize("name", ["clap", "", "clip", "clip:", "onnx", "chat", "lit-minilm:here", "CLIP:folder", ":x"])
def test_an_unknown_or_incomplete_name_is_answered_with_what_there_is(name):
    with pytest.raises(ScorerError, match=r"lit-minilm|clip:FOLDER|onnx:FOLDER|chat:CONFIG\.yaml"):
        load_scorer(name)


def test_a_calibration_lies_with_its_model():
    assert calibration_path("clip:models/b32").as_posix() == "models/b32/calibration.yaml"
    assert calibration_path("chat:my/vlm.yaml").as_posix() == "my/vlm.calibration.yaml"
    assert calibration_path("lit-minilm").name == "calibration.yaml"


@pytest.mark.torch
def test_a_folder_that_is_missing_empty_or_of_another_model_is_refused(tmp_path, clip_folder):
    pytest.importorskip("transformers")
    with pytest.raises(ScorerError, match=r"no model folder at .*nowhere"):
        load_scorer(f"clip:{tmp_path / 'nowhere'}")
    with pytest.raises(ScorerError, match="cannot load a model from"):
        load_scorer(f"clip:{tmp_path}")
    other = shutil.copytree(clip_folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(ScorerError, match=r"'bert' model, expected clip, siglip"):
        load_scorer(f"clip:{other}")


@pytest.mark.torch
def test_a_folder_with_torn_or_missing_weights_or_without_a_tokenizer_is_refused(tmp_path, clip_folder):
    pytest.importorskip("transformers")
    from safetensors.numpy import load_file, save_file

    torn, partial, bare = (tmp_path / name for name in ("torn", "partial", "bare"))
    for folder in (torn, partial, bare):
        shutil.copytree(clip_folder, folder)
    weights = (torn / "model.safetensors").read_bytes()
    (torn / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    tensors = load_file(partial / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, partial / "model.safetensors", metadata={"format": "pt"})
    (bare / "tokenizer.json").unlink()
    for folder, said in (
        (torn, "cannot load a model from"),
        (partial, r"lacks 1 weights, visual_projection\.weight first"),
        (bare, "holds no tokenizer"),
    ):
        with pytest.raises(ScorerError, match=said):
            load_scorer(f"clip:{folder}")


@pytest.mark.parametrize("name", ["image.onnx", "text.onnx", "tokenizer.json", "preprocess.yaml"])
def test_an_onnx_folder_names_the_file_that_it_lacks_or_that_is_broken(tmp_path, onnx_folder, name):
    folder = shutil.copytree(onnx_folder, tmp_path / "model")
    (folder / name).write_text("[not this")
    with pytest.raises((ScorerError, ConfigError), match=name.replace(".", r"\.")):
        load_scorer(f"onnx:{folder}")
    (folder / name).unlink()
    with pytest.raises(ScorerError, match=f"lacks {name}"):
        load_scorer(f"onnx:{folder}")


def test_towers_of_different_width_and_pictures_of_another_size_than_the_network_takes_are_refused(tmp_path):
    with pytest.raises(ScorerError, match=r"pictures are \(8,\) wide, sentences \(6,\)"):
        load_scorer(f"onnx:{make_onnx_folder(tmp_path, text_width=6)}")
    make_onnx_folder(tmp_path)
    (tmp_path / "preprocess.yaml").write_text(yaml.safe_dump(PREPROCESS | {"size": 48}))
    with pytest.raises(ScorerError, match="do not run"):
        load_scorer(f"onnx:{tmp_path}")


def test_a_swapped_pair_of_networks_is_refused_by_its_inputs(tmp_path, onnx_folder):
    folder = shutil.copytree(onnx_folder, tmp_path / "model")
    shutil.copy(folder / "image.onnx", folder / "text.onnx")
    with pytest.raises(ScorerError, match=r"text\.onnx: inputs .*expected input_ids and attention_mask"):
        load_scorer(f"onnx:{folder}")


def test_a_text_tower_without_a_mask_serves_too(tmp_path):
    scorer = load_scorer(f"onnx:{make_onnx_folder(tmp_path, mask=False)}")
    assert scorer.embed_texts(["a road"]).shape == (1, 8)


def test_a_sentence_is_cut_at_the_context_length_that_the_folder_says(onnx_folder):
    long, longer = load_scorer(f"onnx:{onnx_folder}").embed_texts(["road " * 20 + "soup", "road " * 40 + "dog"])
    assert np.array_equal(long, longer)


@pytest.mark.torch
@pytest.mark.parametrize(("kind", "padding"), [("clip", False), ("siglip", "max_length")])
def test_sentences_are_padded_as_the_model_was_trained(request, kind, padding):
    transformers = pytest.importorskip("transformers")
    folder = request.getfixturevalue(f"{kind}_folder")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(
        ["a dog on a sofa"], padding=padding, max_length=16, return_tensors="pt"
    )
    expected = model.get_text_features(input_ids=tokens["input_ids"])
    expected = getattr(expected, "pooler_output", expected)[0].detach().numpy()
    embedded = load_scorer(f"clip:{folder}").embed_texts(["a dog on a sofa", "the road ahead is clear"])[0]
    assert embedded == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


@pytest.mark.parametrize(("fit", "left", "middle"), [("crop", 1.0, 1.0), ("stretch", 0.0, 1.0)])
def test_a_wide_picture_is_cropped_to_its_middle_or_stretched(fit, left, middle):
    preprocess = Preprocess(size=8, fit=fit, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), context_length=4)
    image = np.zeros((16, 64, 3), np.uint8)
    image[:, 24:40] = 255  # the middle square is white
    pixels = normalise(image, preprocess)
    assert pixels.shape == (3, 8, 8)
    assert pixels.dtype == np.float32
    assert (pixels[0, 0, 0], pixels[0, 4, 4]) == (2 * left - 1, 2 * middle - 1)


def test_channels_are_normalised_each_by_its_own_mean_and_deviation():
    preprocess = Preprocess(size=2, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25), context_length=4)
    image = np.full((2, 2, 3), (255, 0, 255), np.uint8)
    assert normalise(image, preprocess)[:, 0, 0].tolist() == [1.0, -1.0, 0.0]
