"""es.pack: pronunciations and letters to sounds (gruut's Spanish, made with espeak)."""
PACKAGES = ['gruut_lang_es==2.0.1']
LICENCES = {'gruut_lang_es': 'MIT (the package; its data was made with espeak-ng, GPL-3.0: compiled here, never shipped)'}


def sections(pack):
    import gruut_data
    return gruut_data.sections(pack, 'gruut_lang_es')
