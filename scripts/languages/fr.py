"""fr.pack: pronunciations and letters to sounds (gruut's French, made with espeak)."""
PACKAGES = ['gruut_lang_fr==2.0.2']
LICENCES = {'gruut_lang_fr': 'MIT (the package; its data was made with espeak-ng, GPL-3.0: compiled here, never shipped)'}


def sections(pack):
    import gruut_data
    return gruut_data.sections(pack, 'gruut_lang_fr')
