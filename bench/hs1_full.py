"""Writes a Harmony Speech V1 chain at the full upstream dims with random weights, in the original layout.

    bench/.venv/bin/python bench/hs1_full.py bench/out/hs1-full

Dims are those of upstream's training configuration; the vocoder is a 4-band MelGAN of hop 200. The weights are drawn so that the
chain behaves like a trained one where time is concerned: about 5 frames a character, activations of order 1.
"""
import json
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "training", "hs1"))
from model import ForwardTacotron, MelGAN, SpeakerEncoder  # noqa: E402

ENCODER = dict(mel_n_channels=40, model_hidden_size=768, model_num_layers=3, model_embedding_size=768)
SYNTH = dict(embed_dims=256, series_embed_dims=64, num_chars=66, durpred_conv_dims=256, durpred_rnn_dims=64, durpred_dropout=0.5,
             pitch_conv_dims=256, pitch_rnn_dims=128, pitch_dropout=0.5, pitch_strength=1.0, energy_conv_dims=256,
             energy_rnn_dims=64, energy_dropout=0.5, energy_strength=1.0, rnn_dims=512, prenet_dims=256, prenet_k=16,
             postnet_num_highways=4, prenet_dropout=0.5, postnet_dims=256, postnet_k=8, prenet_num_highways=4,
             postnet_dropout=0.5, n_mels=80, speaker_embed_dims=768, padding_value=-4.0)
VOCODER = dict(in_channels=80, out_channels=4, kernel_size=7, channels=384, bias=True, upsample_scales=[2, 5, 5],
               stack_kernel_size=3, stacks=4, nonlinear_activation="LeakyReLU",
               nonlinear_activation_params={"negative_slope": 0.2}, pad="ReflectionPad1d", pad_params={},
               use_final_nonlinear_activation=True, use_weight_norm=True, use_causal_conv=False)


def save(folder, part, config, checkpoint, **extra):
    os.makedirs(os.path.join(folder, part), exist_ok=True)
    torch.save(checkpoint, os.path.join(folder, part, part + ".pt"))
    with open(os.path.join(folder, part, "config.json"), "w") as f:
        json.dump(dict(model=config, **extra), f, indent=1)


def write(folder, seed=1):
    torch.manual_seed(seed)
    synth = ForwardTacotron(**SYNTH)
    with torch.no_grad():
        for m in synth.modules():
            if isinstance(m, torch.nn.BatchNorm1d):
                m.running_mean.normal_(0.3, 0.1)
                m.running_var.uniform_(0.2, 0.6)
        synth.dur_pred.lin.bias.fill_(5.0)
        synth.dur_pred.lin.weight.mul_(0.3)
    save(folder, "encoder", ENCODER, {"model_state": SpeakerEncoder(**ENCODER).state_dict()})
    save(folder, "synthesizer", SYNTH, {"model_state": synth.state_dict()})
    save(folder, "vocoder", VOCODER, {"model": {"generator": MelGAN(**VOCODER).state_dict()}}, gain_db=0.0)
    voice = np.abs(np.random.RandomState(seed).randn(SYNTH["speaker_embed_dims"])).astype(np.float32)
    voice /= np.linalg.norm(voice)
    os.makedirs(os.path.join(folder, "voices"), exist_ok=True)
    with open(os.path.join(folder, "voices", "random.json"), "w") as f:
        json.dump({"name": "random", "dim": len(voice), "embedding": voice.tolist()}, f)


if __name__ == "__main__":
    write(sys.argv[1])
