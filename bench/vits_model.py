"""The networks of OpenVoice and MeloTTS in PyTorch, as bench/vits_full.py writes them and bench/vits_peer.py runs them: VITS (Kim et al.
2021) with a tone-colour converter. Names and shapes are those of the published checkpoints."""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

MELO = dict(rate=44100, fft=2048, hop=512, inter=192, hidden=192, filter=768, heads=2, layers=6, kernel=3, flow_layers=3, gin=256,
            kernels=[3, 7, 11], dilations=[[1, 3, 5]] * 3, rates=[8, 8, 2, 2, 2], up_kernels=[16, 16, 8, 2, 2], channels=512,
            symbols=219, tones=16, languages=10, speakers=5)
OPENVOICE = dict(MELO, rate=22050, fft=1024, hop=256, rates=[8, 8, 2, 2], up_kernels=[16, 16, 4, 4], symbols=68, speakers=10)


def conv(a, b, k=1, d=1, groups=1, bias=True):
    return nn.Conv1d(a, b, k, dilation=d, padding=(k - 1) * d // 2, groups=groups, bias=bias)


class Norm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))

    def forward(self, x):
        return F.layer_norm(x.transpose(1, -1), self.gamma.shape, self.gamma, self.beta, 1e-5).transpose(1, -1)


class Attention(nn.Module):
    WINDOW = 4

    def __init__(self, n, heads):
        super().__init__()
        self.heads = heads
        self.conv_q, self.conv_k, self.conv_v, self.conv_o = conv(n, n), conv(n, n), conv(n, n), conv(n, n)
        shape, std = (1, 2 * self.WINDOW + 1, n // heads), (n // heads) ** -0.5
        self.emb_rel_k, self.emb_rel_v = nn.Parameter(torch.randn(shape) * std), nn.Parameter(torch.randn(shape) * std)

    def forward(self, x):
        b, n, t = x.shape
        q, k, v = (f(x).view(b, self.heads, n // self.heads, t).transpose(2, 3) for f in (self.conv_q, self.conv_k, self.conv_v))
        q = q / math.sqrt(n // self.heads)
        distance = torch.arange(t)[None] - torch.arange(t)[:, None]
        near, index = distance.abs() <= self.WINDOW, distance.clamp(-self.WINDOW, self.WINDOW) + self.WINDOW
        relative = (q @ self.emb_rel_k[0].T).gather(3, index.expand(b, self.heads, t, t))
        p = F.softmax(q @ k.transpose(2, 3) + relative * near, -1)
        weights = torch.zeros(b, self.heads, t, 2 * self.WINDOW + 1, dtype=p.dtype).scatter_add(3, index.expand_as(p), p * near)
        return self.conv_o((p @ v + weights @ self.emb_rel_v[0].to(p.dtype)).transpose(2, 3).reshape(b, n, t))


class Feed(nn.Module):
    def __init__(self, n, filter, kernel):
        super().__init__()
        self.conv_1, self.conv_2 = conv(n, filter, kernel), conv(filter, n, kernel)

    def forward(self, x):
        return self.conv_2(F.relu(self.conv_1(x)))


class Encoder(nn.Module):
    def __init__(self, n, filter, heads, layers, kernel, gin=0):
        super().__init__()
        if gin:
            self.spk_emb_linear = nn.Linear(gin, n)
        self.attn_layers = nn.ModuleList(Attention(n, heads) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(Feed(n, filter, kernel) for _ in range(layers))
        self.norm_layers_1 = nn.ModuleList(Norm(n) for _ in range(layers))
        self.norm_layers_2 = nn.ModuleList(Norm(n) for _ in range(layers))

    def forward(self, x, g):
        for i, (a, f) in enumerate(zip(self.attn_layers, self.ffn_layers)):
            if i == 2 and hasattr(self, "spk_emb_linear"):
                x = x + self.spk_emb_linear(g.transpose(1, 2)).transpose(1, 2)
            x = self.norm_layers_1[i](x + a(x))
            x = self.norm_layers_2[i](x + f(x))
        return x


class WaveNet(nn.Module):
    def __init__(self, n, kernel, layers, gin):
        super().__init__()
        self.n = n
        self.cond_layer = weight_norm(conv(gin, 2 * n * layers))
        self.in_layers = nn.ModuleList(weight_norm(conv(n, 2 * n, kernel)) for _ in range(layers))
        self.res_skip_layers = nn.ModuleList(weight_norm(conv(n, 2 * n if i < layers - 1 else n)) for i in range(layers))

    def forward(self, x, g):
        condition, out, n = self.cond_layer(g), 0, self.n
        for i, (a, r) in enumerate(zip(self.in_layers, self.res_skip_layers)):
            y = a(x) + condition[:, 2 * n * i:2 * n * (i + 1)]
            y = r(torch.tanh(y[:, :n]) * torch.sigmoid(y[:, n:]))
            if i < len(self.in_layers) - 1:
                x, out = x + y[:, :n], out + y[:, n:]
            else:
                out = out + y
        return out


class Coupling(nn.Module):
    def __init__(self, inter, hidden, enc):
        super().__init__()
        self.pre, self.enc, self.post = conv(inter // 2, hidden), enc, conv(hidden, inter // 2)


class Flow(nn.Module):
    def __init__(self, d, transformer):
        super().__init__()
        self.flows = nn.ModuleDict()
        for i in range(4):
            enc = (Encoder(d["hidden"], d["filter"], d["heads"], d["flow_layers"], 5, d["gin"]) if transformer
                   else WaveNet(d["hidden"], 5, 4, d["gin"]))
            self.flows[str(2 * i)] = Coupling(d["inter"], d["hidden"], enc)

    def forward(self, x, g, inverse):
        for f in reversed(self.flows.values()) if inverse else self.flows.values():
            x = x.flip(1) if inverse else x
            a, b = x.chunk(2, 1)
            m = f.post(f.enc(f.pre(a), g))
            x = torch.cat([a, b - m if inverse else b + m], 1)
            x = x if inverse else x.flip(1)
        return x


class Separable(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.convs_sep = nn.ModuleList(conv(n, n, 3, 3 ** i, groups=n) for i in range(3))
        self.convs_1x1 = nn.ModuleList(conv(n, n) for _ in range(3))
        self.norms_1, self.norms_2 = nn.ModuleList(Norm(n) for _ in range(3)), nn.ModuleList(Norm(n) for _ in range(3))

    def forward(self, x):
        for i in range(3):
            y = F.gelu(self.norms_1[i](self.convs_sep[i](x)))
            x = x + F.gelu(self.norms_2[i](self.convs_1x1[i](y)))
        return x


def spline_inverse(y, p, scale):
    """Rational-quadratic, on [-5, 5] (Durkan et al. 2019); p: [..., 29]."""
    def knots(raw):
        k = F.pad((1e-3 + (1 - 1e-2) * F.softmax(raw / scale, -1)).cumsum(-1), (1, 0)) * 10 - 5
        k[..., -1] = 5
        return k

    x, h = knots(p[..., :10]), knots(p[..., 10:20])
    d = F.pad(1e-3 + F.softplus(p[..., 20:]), (1, 1), value=1.0)
    bin = (torch.sum(y[..., None] >= h[..., :-1], -1, keepdim=True) - 1).clamp(0, 9)
    at = lambda t, i=bin: t.gather(-1, i)[..., 0]  # noqa: E731
    w, height, d0, d1, q = at(x, bin + 1) - at(x), at(h, bin + 1) - at(h), at(d), at(d, bin + 1), y - at(h)
    s, delta = d0 + d1 - 2 * height / w, height / w
    a, b, c = q * s + height * (delta - d0), height * d0 - q * s, -delta * q
    inside = 2 * c / (-b - torch.sqrt((b * b - 4 * a * c).clamp(min=0))) * w + at(x)
    return torch.where(y.abs() <= 5, inside, y)


class SplineFlow(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.n, self.pre, self.convs, self.proj = n, conv(1, n), Separable(n), conv(n, 29)

    def forward(self, z, h):
        p = self.proj(self.convs(self.pre(z[:, :1]) + h))[:, None].transpose(2, 3)
        return torch.cat([z[:, :1], spline_inverse(z[:, 1:], p, math.sqrt(self.n))], 1)


class Affine(nn.Module):
    def __init__(self):
        super().__init__()
        self.m, self.logs = nn.Parameter(torch.zeros(2, 1)), nn.Parameter(torch.zeros(2, 1))


class Stochastic(nn.Module):
    def __init__(self, n, gin):
        super().__init__()
        self.pre, self.cond, self.proj, self.convs = conv(n, n), conv(gin, n), conv(n, n), Separable(n)
        self.flows = nn.ModuleDict({"0": Affine(), **{str(i): SplineFlow(n) for i in (1, 3, 5, 7)}})

    def forward(self, x, g, z):
        h = self.proj(self.convs(self.pre(x) + self.cond(g)))
        for i in ("7", "5", "3"):
            z = self.flows[i](z.flip(1), h)
        affine = self.flows["0"]
        return ((z.flip(1) - affine.m) * torch.exp(-affine.logs))[:, :1]


class Durations(nn.Module):
    def __init__(self, n, gin):
        super().__init__()
        self.cond, self.conv_1, self.conv_2, self.proj = conv(gin, n), conv(n, 256, 3), conv(256, 256, 3), conv(256, 1)
        self.norm_1, self.norm_2 = Norm(256), Norm(256)

    def forward(self, x, g):
        x = self.norm_1(F.relu(self.conv_1(x + self.cond(g))))
        return self.proj(self.norm_2(F.relu(self.conv_2(x))))


class Block(nn.Module):
    def __init__(self, n, kernel, dilations):
        super().__init__()
        self.convs1 = nn.ModuleList(weight_norm(conv(n, n, kernel, d)) for d in dilations)
        self.convs2 = nn.ModuleList(weight_norm(conv(n, n, kernel)) for _ in dilations)

    def forward(self, x):
        for a, b in zip(self.convs1, self.convs2):
            x = x + b(F.leaky_relu(a(F.leaky_relu(x, 0.1)), 0.1))
        return x


class Decoder(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.d, n = d, d["channels"]
        self.conv_pre, self.cond = conv(d["inter"], n, 7), conv(d["gin"], n)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for u, k in zip(d["rates"], d["up_kernels"]):
            self.ups.append(weight_norm(nn.ConvTranspose1d(n, n // 2, k, u, (k - u) // 2), dim=0))
            n //= 2
            self.resblocks.extend(Block(n, k, w) for k, w in zip(d["kernels"], d["dilations"]))
        self.conv_post = conv(n, 1, 7, bias=False)

    def forward(self, z, g):
        x, n = self.conv_pre(z) + self.cond(g), len(self.d["kernels"])
        for i, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, 0.1))
            x = sum(self.resblocks[i * n + j](x) for j in range(n)) / n
        return torch.tanh(self.conv_post(F.leaky_relu(x, 0.01)))

    def flops(self, frames):
        """Multiply-adds twice, of the convolutions alone."""
        d, n = self.d, self.d["channels"]
        total = 2 * 7 * d["inter"] * n * frames
        for u, k in zip(d["rates"], d["up_kernels"]):
            total += 2 * k * n * (n // 2) * frames
            frames, n = frames * u, n // 2
            total += sum(2 * 2 * len(w) * k * n * n * frames for k, w in zip(d["kernels"], d["dilations"]))
        return total + 2 * 7 * n * frames


class TextEncoder(nn.Module):
    def __init__(self, d, melo):
        super().__init__()
        n = d["hidden"]
        self.emb = nn.Embedding(d["symbols"], n)
        if melo:
            self.tone_emb, self.language_emb = nn.Embedding(d["tones"], n), nn.Embedding(d["languages"], n)
            self.bert_proj, self.ja_bert_proj = conv(1024, n), conv(768, n)
        self.encoder = Encoder(n, d["filter"], d["heads"], d["layers"], d["kernel"], d["gin"] if melo else 0)
        self.proj = conv(n, 2 * d["inter"])

    def forward(self, ids, g, tones, languages, bert, ja_bert):
        x = self.emb(ids)
        if tones is not None:
            x = x + self.tone_emb(tones) + self.language_emb(languages)
            x = x + self.bert_proj(bert).transpose(1, 2) + self.ja_bert_proj(ja_bert).transpose(1, 2)
        x = self.encoder((x * math.sqrt(x.shape[2])).transpose(1, 2), g)
        return x, *self.proj(x).chunk(2, 1)


class Posterior(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.pre, self.enc = conv(d["fft"] // 2 + 1, d["hidden"]), WaveNet(d["hidden"], 5, 16, d["gin"])
        self.proj = conv(d["hidden"], 2 * d["inter"])


class Synthesizer(nn.Module):
    """noise_scale 0, so that two programs can be compared."""

    def __init__(self, d, melo):
        super().__init__()
        self.melo, self.emb_g = melo, nn.Embedding(d["speakers"], d["gin"])
        self.enc_p, self.sdp, self.dp = TextEncoder(d, melo), Stochastic(d["hidden"], d["gin"]), Durations(d["hidden"], d["gin"])
        self.flow, self.dec, self.enc_q = Flow(d, melo), Decoder(d), Posterior(d)

    def forward(self, ids, speaker=0, tones=None, languages=None, bert=None, ja_bert=None):
        g = self.emb_g.weight[speaker][None, :, None]
        x, mean, _ = self.enc_p(ids, g, tones, languages, bert, ja_bert)
        logw = self.sdp(x, g, torch.zeros(1, 2, x.shape[2])) * 0.2 + self.dp(x, g) * 0.8
        frames = torch.ceil(torch.exp(logw.float()))[0, 0].long()
        return self.dec(self.flow(mean.repeat_interleave(frames, 2), g, True), g)


class Reference(nn.Module):
    def __init__(self, d):
        super().__init__()
        widths = [1, 32, 32, 64, 64, 128, 128]
        self.layernorm, width = nn.LayerNorm(d["fft"] // 2 + 1), d["fft"] // 2 + 1
        self.convs = nn.ModuleList(weight_norm(nn.Conv2d(a, b, 3, 2, 1)) for a, b in zip(widths, widths[1:]))
        for _ in self.convs:
            width = (width - 1) // 2 + 1
        self.gru, self.proj = nn.GRU(128 * width, 128, batch_first=True), nn.Linear(128, d["gin"])


class Converter(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.d, self.enc_q, self.flow, self.dec, self.ref_enc = d, Posterior(d), Flow(d, False), Decoder(d), Reference(d)

    def forward(self, audio, source, target):
        """zero_g, tau 0."""
        d, zero = self.d, torch.zeros_like(source)
        pad = (d["fft"] - d["hop"]) // 2
        s = torch.stft(F.pad(audio[:, None], (pad, pad), mode="reflect")[:, 0], d["fft"], d["hop"], window=torch.hann_window(d["fft"]),
                       center=False, return_complex=True)
        z = self.enc_q.proj(self.enc_q.enc(self.enc_q.pre(torch.sqrt(s.real ** 2 + s.imag ** 2 + 1e-6)), zero))[:, :d["inter"]]
        return self.dec(self.flow(self.flow(z, source, False), target, True), zero)


def fold(model):
    """Weight norm away, as before serving."""
    for m in model.modules():
        if hasattr(m, "parametrizations"):
            torch.nn.utils.parametrize.remove_parametrizations(m, "weight")
    return model.eval()
