"""VoiceFixer in PyTorch, as a peer that answers on standard input: each line restores SECONDS of noise and prints its milliseconds.

    bench/.venv/bin/python bench/voicefixer_peer.py FOLDER SECONDS THREADS [float32|bfloat16]

Written from the description in the golden kit. Weight norm is folded and batch
norms stay as torch runs them in eval, which is what the original does after loading.
"""
import math
import os
import resource
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class Gru(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.bn = nn.BatchNorm2d(1)
        self.gru = nn.GRU(n_in, hidden, 2, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.gru(self.bn(x).squeeze(1))[0].unsqueeze(1)


def denoiser(n):
    return nn.Sequential(nn.BatchNorm2d(1), nn.Linear(n, 2 * n), nn.ReLU(), nn.BatchNorm2d(1), nn.Linear(2 * n, 4 * n), nn.Dropout(),
                         nn.ReLU(), Gru(4 * n, 2 * n), Gru(4 * n, 2 * n), nn.BatchNorm2d(1), nn.ReLU(), nn.Linear(4 * n, 4 * n),
                         nn.Dropout(), nn.BatchNorm2d(1), nn.ReLU(), nn.Linear(4 * n, n), nn.Sigmoid())


class Block(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(a), nn.BatchNorm2d(b)
        self.conv1, self.conv2 = nn.Conv2d(a, b, 3, padding=1, bias=False), nn.Conv2d(b, b, 3, padding=1, bias=False)
        if a != b:
            self.shortcut = nn.Conv2d(a, b, 1)

    def forward(self, x):
        y = self.conv1(F.leaky_relu(self.bn1(x), 0.01))
        y = self.conv2(F.leaky_relu(self.bn2(y), 0.01))
        return y + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class Encoder(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        for i in range(4):
            setattr(self, f"conv_block{i + 1}", Block(a if i == 0 else b, b))

    def forward(self, x):
        for i in range(4):
            x = getattr(self, f"conv_block{i + 1}")(x)
        return F.avg_pool2d(x, 2), x


class Decoder(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(a), nn.ConvTranspose2d(a, b, 3, 2, bias=False)
        for i in range(4):
            setattr(self, f"conv_block{i + 2}", Block(2 * b if i == 0 else b, b))

    def forward(self, x, skip):
        x = torch.cat([self.conv1(F.relu(self.bn1(x)))[:, :, :-1], skip], 1)
        for i in range(4):
            x = getattr(self, f"conv_block{i + 2}")(x)
        return x


class UNet(nn.Module):
    def __init__(self, widths=(32, 64, 128, 256, 384, 384)):
        super().__init__()
        w = (2,) + tuple(widths)
        for i in range(6):
            setattr(self, f"encoder_block{i + 1}", Encoder(w[i], w[i + 1]))
        self.conv_block7 = Block(w[6], w[6])
        for i in range(6):
            setattr(self, f"decoder_block{i + 1}", Decoder(w[6] if i == 0 else w[7 - i], w[6 - i]))
        self.after_conv_block1, self.after_conv2 = Block(w[1], w[1]), nn.Conv2d(w[1], 1, 1)

    def forward(self, x):
        t = x.shape[2]
        x = F.pad(x, (0, 0, 0, -t % 64))[..., :-1]
        skips = []
        for i in range(6):
            x, s = getattr(self, f"encoder_block{i + 1}")(x)
            skips.append(s)
        x = self.conv_block7(x)
        for i in range(6):
            x = getattr(self, f"decoder_block{i + 1}")(x, skips[5 - i])
        return F.pad(self.after_conv2(self.after_conv_block1(x)), (0, 1))[:, :, :t]


class Restorer(nn.Module):
    def __init__(self, n=128):
        super().__init__()
        self.denoiser, self.unet = denoiser(n), UNet()
        hz = torch.linspace(0, 22050, 1025, dtype=torch.float64)
        points = 700 * (10 ** (torch.linspace(0, 2595 * math.log10(1 + 22050 / 700), n + 2, dtype=torch.float64) / 2595) - 1)
        up = (hz[:, None] - points[None, :-2]) / (points[1:-1] - points[:-2])
        down = (points[None, 2:] - hz[:, None]) / (points[2:] - points[1:-1])
        self.bank = torch.clamp(torch.minimum(up, down), min=0).float()
        self.window = torch.hann_window(2048)

    def forward(self, audio):
        s = torch.stft(audio, 2048, 441, window=self.window, pad_mode="reflect", return_complex=True)
        mel = (torch.sqrt(torch.clamp(s.real ** 2 + s.imag ** 2, min=1e-8)).transpose(1, 2) @ self.bank)[:, None]
        clean = self.denoiser(mel) * mel
        noisy, x = torch.log10(torch.clamp(mel, min=1e-8)), torch.log10(torch.clamp(clean.float(), min=1e-8))
        return 10 ** torch.clamp((self.unet(torch.cat([noisy, x], 1)) + x).float(), max=5)


class Stack(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.LeakyReLU(), nn.Conv1d(c, c, 3, dilation=3 ** i, padding=3 ** i), nn.LeakyReLU(),
                                                  nn.Conv1d(c, c, 3, padding=1)) for i in range(8))

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)
        return x


class Up(nn.Module):
    def __init__(self, a, b, u):
        super().__init__()
        self.layer = nn.ConvTranspose1d(a, b, 2 * u, u, u // 2 + u % 2, u % 2)

    def forward(self, x):
        return self.layer(x + torch.sin(x))


class Vocoder(nn.Module):
    def __init__(self, c=1024):
        super().__init__()
        self.condnet = nn.Sequential(*[m for i in range(5) for m in (nn.Conv1d(128 if i == 0 else 512, 512, 3, padding=1), nn.ELU())])
        layers = [nn.ReflectionPad1d(3), nn.Conv1d(512, c, 7), nn.LeakyReLU(0.2)]
        for u in (7, 7, 3, 3):
            layers += [Up(c, c // 2, u), Stack(c // 2), nn.LeakyReLU(0.2)]
            c //= 2
        self.generator = nn.Sequential(*layers, nn.ReflectionPad1d(3), nn.Conv1d(c, 1, 7), nn.Tanh())
        self.weight = 18.8927416350036 * torch.exp(0.0269863588184314 * torch.arange(1, 129, dtype=torch.float64)).float()

    def forward(self, mel):
        s = 20 * torch.log10(torch.clamp(torch.abs(mel / self.weight), min=1e-5)) - 20
        y = torch.clamp(8 * (s + 115) / 115 - 4, -4, 4)[:, 0].transpose(1, 2)
        return self.generator(self.condnet(F.pad(y, (0, 4 + y.shape[2] % 2), value=-4)))


def fold(tensors):
    """weight_g and weight_v to weight, prefixes off, skip connections left out as the original does."""
    out = {}
    for k, v in tensors.items():
        if "skip_conv" in k or k.endswith("weight_g"):
            continue
        if k.endswith("weight_v"):
            v = v * (tensors[k[:-1] + "g"] / v.flatten(1).norm(dim=1).view(-1, 1, 1))
            k = k[:-2]
        out[k] = v
    return out


def load(folder):
    r = torch.load(os.path.join(folder, "vf.ckpt"), map_location="cpu")
    restorer, vocoder = Restorer().eval(), Vocoder().eval()
    restorer.load_state_dict({k[len("generator."):]: v for k, v in r.items() if k.startswith("generator.")})
    vocoder.load_state_dict(fold(torch.load(os.path.join(folder, "model.ckpt-1490000_trimed.pt"), map_location="cpu")["generator"]))
    return restorer, vocoder


def signal(n):
    """What bench/voicefixer.c restores: a counter's noise under a slow swell."""
    i = np.arange(1, n + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = i * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = ((z >> np.uint64(40)).astype(np.float64) / 2 ** 24 * 2 - 1).astype(np.float32)
    return u * (0.15 + 0.14 * np.sin(np.arange(n) * (2 * np.pi / 30011))).astype(np.float32)


def main():
    folder, seconds, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    kind = sys.argv[4] if len(sys.argv) > 4 else "float32"
    torch.set_num_threads(threads)
    restorer, vocoder = load(folder)
    audio = torch.from_numpy(signal(int(seconds * 44100)))[None]
    print("ready", torch.__version__, "threads", torch.get_num_threads(), kind, torch.backends.cpu.get_cpu_capability(), flush=True)
    for line in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "bfloat16"):
            middle = restorer(audio)
            between = time.perf_counter()
            out = vocoder(middle)[0, 0].float()
        end = time.perf_counter()
        if line.startswith("save"):
            out.numpy().tofile(line.split()[1])
        print(f"{(end - start) * 1e3:.1f} {out.numel()} restorer {(between - start) * 1e3:.0f} vocoder {(end - between) * 1e3:.0f} "
              f"cpu {(time.process_time() - cpu) * 1e3:.0f} peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB", flush=True)


if __name__ == "__main__":
    main()
