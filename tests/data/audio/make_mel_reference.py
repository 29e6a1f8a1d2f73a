"""Writes the mel filter references of tests/unit/audio/test_stft.c with librosa and torchaudio's formulas.

Run: python make_mel_reference.py (needs numpy and librosa). Each mel_*.npy holds the filters [bands, bins] themselves,
or, for the large bank, their product with the spectrum s[k] = 1 + (7 k mod 13)."""
import numpy as np
import librosa

BANKS = {
    "mel_16000_400_40_slaney": dict(sr=16000, n_fft=400, n_mels=40),
    "mel_16000_400_80_slaney": dict(sr=16000, n_fft=400, n_mels=80),
    "mel_8000_256_20_htk_area": dict(sr=8000, n_fft=256, n_mels=20, fmin=50, fmax=3500, htk=True),
    "mel_16000_400_30_htk_peak": dict(sr=16000, n_fft=400, n_mels=30, htk=True, norm=None),
}
PRODUCTS = {
    "melsum_44100_2048_128_htk_peak": dict(sr=44100, n_fft=2048, n_mels=128, htk=True, norm=None),
    "melsum_22050_1024_80_slaney": dict(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000),
    "melsum_16000_400_128_slaney": dict(sr=16000, n_fft=400, n_mels=128),
}
for name, args in BANKS.items():
    np.save(name + ".npy", librosa.filters.mel(**args).astype(np.float32))
for name, args in PRODUCTS.items():
    m = librosa.filters.mel(**args).astype(np.float64)
    s = 1.0 + (7 * np.arange(m.shape[1])) % 13
    np.save(name + ".npy", (m @ s).astype(np.float32))
