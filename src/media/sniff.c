/* sniff.c - tells the container by its first bytes. libavformat's own probing would ask some 300 demuxers; here a file
 * meets none but the one that is allowed for it. */
#include "worker.h"

#include <string.h>

static int starts(const unsigned char *p, unsigned n, unsigned at, const char *magic, unsigned len)
{
    return n >= at + len && memcmp(p + at, magic, len) == 0;
}

static int is_adts(const unsigned char *p)
{
    /* sync word, layer 0, a rate that exists */
    return p[0] == 0xFF && (p[1] & 0xF6) == 0xF0 && (p[2] >> 2 & 15) < 13;
}

/* Length of the MPEG audio layer III frame that a header announces, 0 when it is none. */
static unsigned mp3_frame(const unsigned char *p)
{
    static const unsigned kbps[2][15] = {{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
                                         {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}};
    static const unsigned rates[3] = {44100, 48000, 32000};
    unsigned version = p[1] >> 3 & 3, layer = p[1] >> 1 & 3, bits = p[2] >> 4, rate = p[2] >> 2 & 3, low = version != 3;

    if (p[0] != 0xFF || (p[1] & 0xE0) != 0xE0 || version == 1 || layer != 1 || bits == 0 || bits == 15 || rate == 3)
        return 0;
    unsigned hz = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    return (low ? 72 : 144) * kbps[low][bits] * 1000 / hz + (p[2] >> 1 & 1);
}

static int is_mp3_at(const unsigned char *p, unsigned n, unsigned at)
{
    unsigned first = n - at >= 4 ? mp3_frame(p + at) : 0, next = at + first;

    /* one header alone may be chance, unless it is the very start */
    return first && (n - at < first + 4 ? at == 0 : mp3_frame(p + next) != 0);
}

static const char *foreign(const unsigned char *p, unsigned n)
{
    static const struct {
        const char *magic;
        unsigned len, at;
        const char *name;
    } known[] = {
        {"FORM", 4, 0, "AIFF"},
        {"caff", 4, 0, "CAF"},
        {"#!AMR", 5, 0, "AMR"},
        {".snd", 4, 0, "AU"},
        {"RIFX", 4, 0, "big-endian WAV"},
        {"wvpk", 4, 0, "WavPack"},
        {"MAC ", 4, 0, "Monkey's Audio"},
        {"\x30\x26\xB2\x75", 4, 0, "WMA (ASF)"},
        {"riff", 4, 0, "Wave64"},
        {"MThd", 4, 0, "MIDI"},
        {"#EXTM3U", 7, 0, "a playlist"},
        {"PK\3\4", 4, 0, "a zip archive"},
        {"%PDF", 4, 0, "PDF"},
        {"\x89PNG", 4, 0, "a picture"},
        {"\xFF\xD8\xFF", 3, 0, "a picture"},
        {"GIF8", 4, 0, "a picture"},
        {"\x1F\x8B", 2, 0, "a gzip archive"},
        {"TTA1", 4, 0, "TTA"},
        {"AVI ", 4, 8, "AVI"},
        {"FLV\1", 4, 0, "FLV"},
    };

    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (starts(p, n, known[i].at, known[i].magic, known[i].len))
            return known[i].name;
    return NULL;
}

const char *sniff(const unsigned char *p, unsigned n, const char **why, unsigned *skip)
{
    *skip = 0;
    *why = NULL;
    if (starts(p, n, 0, "fLaC", 4))
        return "flac";
    if (starts(p, n, 0, "OggS", 4))
        return "ogg";
    if (starts(p, n, 0, "\x1A\x45\xDF\xA3", 4))
        return "matroska";
    if (starts(p, n, 4, "ftyp", 4) || starts(p, n, 4, "moov", 4) || starts(p, n, 4, "mdat", 4) ||
        starts(p, n, 4, "wide", 4) || starts(p, n, 4, "free", 4) || starts(p, n, 4, "skip", 4))
        return "mov";
    if (starts(p, n, 8, "WAVE", 4) && (starts(p, n, 0, "RIFF", 4) || starts(p, n, 0, "RF64", 4)))
        return "wav";
    if (starts(p, n, 0, "ID3", 3) && n >= 10) {
        *skip = 10 + ((p[6] & 127u) << 21 | (p[7] & 127u) << 14 | (p[8] & 127u) << 7 | (p[9] & 127u)) +
                (p[5] & 0x10 ? 10 : 0);
        return "mp3";
    }
    if ((*why = foreign(p, n)))
        return NULL;
    if (n >= 3 && is_adts(p))
        return "aac";
    for (unsigned at = 0; at + 4 <= n; at++) /* players skip junk before the first frame, so do we */
        if (is_mp3_at(p, n, at))
            return "mp3";
    return NULL;
}
