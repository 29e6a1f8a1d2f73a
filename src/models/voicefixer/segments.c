/* segments.c - see segments.h. */
#include "models/voicefixer/segments.h"

#include "models/voicefixer/spectrum.h"

static size_t frames_of(size_t samples)
{
    return 1 + samples / VF_HOP;
}

size_t vf_segment_count(size_t samples)
{
    size_t frames = frames_of(samples), count = frames / VF_CORE;

    if (frames <= VF_MOST_FRAMES)
        return 1;
    return count + (frames % VF_CORE >= VF_CORE / 2);
}

vf_segment vf_segment_at(size_t samples, size_t i)
{
    size_t frames = frames_of(samples);
    bool ends = i + 1 == vf_segment_count(samples);
    vf_segment s = {.core_from = i * VF_CORE, .core_to = ends ? frames : (i + 1) * VF_CORE, .ends = ends};

    s.mel_from = s.core_from > VF_CONTEXT ? s.core_from - VF_CONTEXT : 0;
    s.mel_to = frames - s.core_to > VF_CONTEXT ? s.core_to + VF_CONTEXT : frames;
    s.mel_ends = s.mel_to == frames;
    s.skip = s.mel_from > 0 ? VF_MARGIN : 0;
    s.audio_from = (s.mel_from - s.skip) * VF_HOP;
    s.audio_to = (s.mel_to + VF_MARGIN) * VF_HOP;
    s.audio_to = s.audio_to < samples ? s.audio_to : samples;
    s.out_from = s.core_from * VF_HOP;
    s.out_to = ends ? samples : s.core_to * VF_HOP + VF_FADE;
    return s;
}

bool vf_segment_settled(size_t samples, size_t i)
{
    size_t needs = (i + 1) * VF_CORE + VF_CONTEXT + VF_MARGIN;

    if (needs <= VF_MOST_FRAMES)
        needs = VF_MOST_FRAMES + 1;
    return samples >= needs * VF_HOP;
}

void vf_fade(float *x, const float *over, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float w = ((float)i + 0.5f) / (float)n;
        x[i] = w * x[i] + (1.0f - w) * over[i];
    }
}

size_t vf_reference_count(size_t samples, size_t piece)
{
    size_t count = samples / piece, rest = samples % piece;

    return count + (rest >= VF_REFERENCE_LEAST || count == 0);
}

void vf_reference_at(size_t samples, size_t piece, size_t i, size_t *from, size_t *count)
{
    *from = i * piece;
    *count = i + 1 == vf_reference_count(samples, piece) ? samples - *from : piece;
}

size_t vf_reference_cut(size_t answer, size_t count)
{
    return answer > count ? (answer - count) / 2 : 0;
}
