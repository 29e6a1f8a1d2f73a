/* config.h - config.json of OpenVoice and MeloTTS models: one reader, for their members have the same names.
 *
 * Nothing stops at the first mistake: each member is checked for its type and range, and the message names the first
 * mistake and how many more there are. Members that are not used are not looked at, as upstream does.
 *
 * Ownership  vits_config_open gives the object; its strings live in it. */
#ifndef HSE_MODELS_VITS_CONFIG_H
#define HSE_MODELS_VITS_CONFIG_H

#include "base/bytes.h"
#include "models/vits/vits.h"

typedef struct vits_config vits_config;

typedef struct {
    const char *name;
    int         id;                         /* row of emb_g */
} vits_speaker;

struct vits_config {
    vits_dims     dims;
    int           rate_hz, filter_length, hop_length, win_length, n_speakers;
    bool          add_blank, disable_bert, zero_g;
    /* MeloTTS: */
    int           tones, languages, flow_layers, flow_encoder_layers;
    bool          transformer_flow, conditioned_encoder;
    bool          encoder_unheard;          /* use_vc: the encoder's speaker layer is there, but is given none */
    const char *const *symbols;             /* id = index; NULL where the file has none */
    size_t        symbol_count;
    const vits_speaker *speakers;           /* data.spk2id or `speakers`, in the file's order */
    size_t        speaker_count;
};

typedef enum { VITS_CONVERTER, VITS_OPENVOICE_BASE, VITS_MELO } vits_config_kind;

hse_status vits_config_open(vits_config **out, hse_bytes json, const char *name, vits_config_kind kind, hse_error *err);
void       vits_config_close(vits_config **config);

/* -1 when there is none. Speakers match exactly. */
int vits_symbol_id(const vits_config *config, const char *symbol, size_t size);
int vits_speaker_id(const vits_config *config, const char *name);

#endif
