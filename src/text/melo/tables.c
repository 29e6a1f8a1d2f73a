/* tables.c - constants of MeloTTS' front ends: its symbols, maps between spellings, word lists of the Chinese tone sandhi.
 * Sorted by bytes, unless the order matters (abbreviations are applied one after another). */
#include "text/melo/tables.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

const char *const melo_symbols[] = {
    "!", "\"", "'", "(", ")", "*", ",", "-", ".", "/", ":", "?", "AA", "E", "EE", "En", "N", "OO", "Q", "SP", "UNK",
    "V", "[", "\\", "]", "^", "_", "a", "a:", "aa", "ae", "ah", "ai", "an", "ang", "ao", "aw", "ay", "b", "by", "c",
    "ch", "d", "dh", "dy", "e", "e:", "eh", "ei", "en", "eng", "er", "ey", "f", "g", "gy", "h", "hh", "hy", "i", "i0",
    "i:", "ia", "ian", "iang", "iao", "ie", "ih", "in", "ing", "iong", "ir", "iu", "iy", "j", "jh", "k", "ky", "l",
    "m", "my", "n", "ng", "ny", "o", "o:", "ong", "ou", "ow", "oy", "p", "py", "q", "r", "ry", "s", "sh", "t", "th",
    "ts", "ty", "u", "u:", "ua", "uai", "uan", "uang", "uh", "ui", "un", "uo", "uw", "v", "van", "ve", "vn", "w", "x",
    "y", "z", "zh", "zy", "~", "¡", "¿", "æ", "ç", "ð", "ø", "ŋ", "œ", "ɐ", "ɑ", "ɒ", "ɔ", "ɕ", "ə", "ɛ", "ɜ", "ɡ",
    "ɣ", "ɥ", "ɦ", "ɪ", "ɫ", "ɬ", "ɭ", "ɯ", "ɲ", "ɵ", "ɸ", "ɹ", "ɾ", "ʁ", "ʃ", "ʊ", "ʌ", "ʎ", "ʏ", "ʑ", "ʒ", "ʝ", "ʲ",
    "ˈ", "ˌ", "ː", "̃", "̩", "β", "θ", "ᄀ", "ᄁ", "ᄂ", "ᄃ", "ᄄ", "ᄅ", "ᄆ", "ᄇ", "ᄈ", "ᄉ", "ᄊ", "ᄋ", "ᄌ", "ᄍ", "ᄎ", "ᄏ",
    "ᄐ", "ᄑ", "ᄒ", "ᅡ", "ᅢ", "ᅣ", "ᅤ", "ᅥ", "ᅦ", "ᅧ", "ᅨ", "ᅩ", "ᅪ", "ᅫ", "ᅬ", "ᅭ", "ᅮ", "ᅯ", "ᅰ", "ᅱ", "ᅲ", "ᅳ", "ᅴ",
    "ᅵ", "ᆨ", "ᆫ", "ᆮ", "ᆯ", "ᆷ", "ᆸ", "ᆼ", "…", "ㄸ",
};
const size_t melo_symbols_count = COUNT(melo_symbols);

const char *const melo_punctuation[] = {
    "!", "'", ",", "-", ".", "?", "¡", "¿", "…",
};
const size_t melo_punctuation_count = COUNT(melo_punctuation);

const char *const melo_arpabet[] = {
    "AA0", "AA1", "AA2", "AE0", "AE1", "AE2", "AH0", "AH1", "AH2", "AO0", "AO1", "AO2", "AW0", "AW1", "AW2", "AY0",
    "AY1", "AY2", "B", "CH", "D", "DH", "EH0", "EH1", "EH2", "ER", "ER0", "ER1", "ER2", "EY0", "EY1", "EY2", "F", "G",
    "HH", "IH", "IH0", "IH1", "IH2", "IY0", "IY1", "IY2", "JH", "K", "L", "M", "N", "NG", "OW0", "OW1", "OW2", "OY0",
    "OY1", "OY2", "P", "R", "S", "SH", "T", "TH", "UH0", "UH1", "UH2", "UW0", "UW1", "UW2", "V", "W", "Y", "Z", "ZH",
};
const size_t melo_arpabet_count = COUNT(melo_arpabet);

const melo_pair melo_en_replacements[] = {
    {"\n", "."}, {"...", "…"}, {"v", "V"}, {"·", ","}, {"、", ","}, {"。", "."}, {"！", "!"}, {"，", ","}, {"：", ","},
    {"；", ","}, {"？", "?"},
};
const size_t melo_en_replacements_count = COUNT(melo_en_replacements);

const melo_pair melo_zh_punctuation[] = {
    {"\n", "."}, {"$", "."}, {"(", "'"}, {")", "'"}, {"...", "…"}, {"[", "'"}, {"]", "'"}, {"~", "-"}, {"·", ","},
    {"—", "-"}, {"‘", "'"}, {"’", "'"}, {"“", "'"}, {"”", "'"}, {"、", ","}, {"。", "."}, {"《", "'"}, {"》", "'"},
    {"「", "'"}, {"」", "'"}, {"【", "'"}, {"】", "'"}, {"！", "!"}, {"（", "'"}, {"）", "'"}, {"，", ","}, {"：", ","},
    {"；", ","}, {"？", "?"}, {"～", "-"},
};
const size_t melo_zh_punctuation_count = COUNT(melo_zh_punctuation);

const melo_pair melo_zh_mix_punctuation[] = {
    {"\n", "."}, {"$", "."}, {"(", "'"}, {")", "'"}, {"...", "…"}, {"[", "'"}, {"]", "'"}, {"~", "-"}, {"·", ","},
    {"—", "-"}, {"‘", "'"}, {"’", "'"}, {"“", "'"}, {"”", "'"}, {"、", ","}, {"。", "."}, {"《", "'"}, {"》", "'"},
    {"「", "'"}, {"」", "'"}, {"【", "'"}, {"】", "'"}, {"！", "!"}, {"（", "'"}, {"）", "'"}, {"，", ","}, {"：", ","},
    {"；", ","}, {"？", "?"}, {"～", "-"},
};
const size_t melo_zh_mix_punctuation_count = COUNT(melo_zh_mix_punctuation);

const melo_pair melo_zh_pinyin[] = {
    {"a", "AA a"}, {"ai", "AA ai"}, {"an", "AA an"}, {"ang", "AA ang"}, {"ao", "AA ao"}, {"ba", "b a"},
    {"bai", "b ai"}, {"ban", "b an"}, {"bang", "b ang"}, {"bao", "b ao"}, {"bei", "b ei"}, {"ben", "b en"},
    {"beng", "b eng"}, {"bi", "b i"}, {"bian", "b ian"}, {"biao", "b iao"}, {"bie", "b ie"}, {"bin", "b in"},
    {"bing", "b ing"}, {"bo", "b o"}, {"bu", "b u"}, {"ca", "c a"}, {"cai", "c ai"}, {"can", "c an"},
    {"cang", "c ang"}, {"cao", "c ao"}, {"ce", "c e"}, {"cei", "c ei"}, {"cen", "c en"}, {"ceng", "c eng"},
    {"cha", "ch a"}, {"chai", "ch ai"}, {"chan", "ch an"}, {"chang", "ch ang"}, {"chao", "ch ao"}, {"che", "ch e"},
    {"chen", "ch en"}, {"cheng", "ch eng"}, {"chi", "ch ir"}, {"chong", "ch ong"}, {"chou", "ch ou"}, {"chu", "ch u"},
    {"chua", "ch ua"}, {"chuai", "ch uai"}, {"chuan", "ch uan"}, {"chuang", "ch uang"}, {"chui", "ch ui"},
    {"chun", "ch un"}, {"chuo", "ch uo"}, {"ci", "c i0"}, {"cong", "c ong"}, {"cou", "c ou"}, {"cu", "c u"},
    {"cuan", "c uan"}, {"cui", "c ui"}, {"cun", "c un"}, {"cuo", "c uo"}, {"da", "d a"}, {"dai", "d ai"},
    {"dan", "d an"}, {"dang", "d ang"}, {"dao", "d ao"}, {"de", "d e"}, {"dei", "d ei"}, {"den", "d en"},
    {"deng", "d eng"}, {"di", "d i"}, {"dia", "d ia"}, {"dian", "d ian"}, {"diao", "d iao"}, {"die", "d ie"},
    {"ding", "d ing"}, {"diu", "d iu"}, {"dong", "d ong"}, {"dou", "d ou"}, {"du", "d u"}, {"duan", "d uan"},
    {"dui", "d ui"}, {"dun", "d un"}, {"duo", "d uo"}, {"e", "EE e"}, {"ei", "EE ei"}, {"en", "EE en"},
    {"eng", "EE eng"}, {"er", "EE er"}, {"fa", "f a"}, {"fan", "f an"}, {"fang", "f ang"}, {"fei", "f ei"},
    {"fen", "f en"}, {"feng", "f eng"}, {"fo", "f o"}, {"fou", "f ou"}, {"fu", "f u"}, {"ga", "g a"}, {"gai", "g ai"},
    {"gan", "g an"}, {"gang", "g ang"}, {"gao", "g ao"}, {"ge", "g e"}, {"gei", "g ei"}, {"gen", "g en"},
    {"geng", "g eng"}, {"gong", "g ong"}, {"gou", "g ou"}, {"gu", "g u"}, {"gua", "g ua"}, {"guai", "g uai"},
    {"guan", "g uan"}, {"guang", "g uang"}, {"gui", "g ui"}, {"gun", "g un"}, {"guo", "g uo"}, {"ha", "h a"},
    {"hai", "h ai"}, {"han", "h an"}, {"hang", "h ang"}, {"hao", "h ao"}, {"he", "h e"}, {"hei", "h ei"},
    {"hen", "h en"}, {"heng", "h eng"}, {"hong", "h ong"}, {"hou", "h ou"}, {"hu", "h u"}, {"hua", "h ua"},
    {"huai", "h uai"}, {"huan", "h uan"}, {"huang", "h uang"}, {"hui", "h ui"}, {"hun", "h un"}, {"huo", "h uo"},
    {"ji", "j i"}, {"jia", "j ia"}, {"jian", "j ian"}, {"jiang", "j iang"}, {"jiao", "j iao"}, {"jie", "j ie"},
    {"jin", "j in"}, {"jing", "j ing"}, {"jiong", "j iong"}, {"jiu", "j iu"}, {"ju", "j v"}, {"juan", "j van"},
    {"jue", "j ve"}, {"jun", "j vn"}, {"jv", "j v"}, {"jvan", "j van"}, {"jve", "j ve"}, {"jvn", "j vn"},
    {"ka", "k a"}, {"kai", "k ai"}, {"kan", "k an"}, {"kang", "k ang"}, {"kao", "k ao"}, {"ke", "k e"},
    {"kei", "k ei"}, {"ken", "k en"}, {"keng", "k eng"}, {"kong", "k ong"}, {"kou", "k ou"}, {"ku", "k u"},
    {"kua", "k ua"}, {"kuai", "k uai"}, {"kuan", "k uan"}, {"kuang", "k uang"}, {"kui", "k ui"}, {"kun", "k un"},
    {"kuo", "k uo"}, {"la", "l a"}, {"lai", "l ai"}, {"lan", "l an"}, {"lang", "l ang"}, {"lao", "l ao"},
    {"le", "l e"}, {"lei", "l ei"}, {"leng", "l eng"}, {"li", "l i"}, {"lia", "l ia"}, {"lian", "l ian"},
    {"liang", "l iang"}, {"liao", "l iao"}, {"lie", "l ie"}, {"lin", "l in"}, {"ling", "l ing"}, {"liu", "l iu"},
    {"lo", "l o"}, {"long", "l ong"}, {"lou", "l ou"}, {"lu", "l u"}, {"luan", "l uan"}, {"lun", "l un"},
    {"luo", "l uo"}, {"lv", "l v"}, {"lve", "l ve"}, {"ma", "m a"}, {"mai", "m ai"}, {"man", "m an"},
    {"mang", "m ang"}, {"mao", "m ao"}, {"me", "m e"}, {"mei", "m ei"}, {"men", "m en"}, {"meng", "m eng"},
    {"mi", "m i"}, {"mian", "m ian"}, {"miao", "m iao"}, {"mie", "m ie"}, {"min", "m in"}, {"ming", "m ing"},
    {"miu", "m iu"}, {"mo", "m o"}, {"mou", "m ou"}, {"mu", "m u"}, {"na", "n a"}, {"nai", "n ai"}, {"nan", "n an"},
    {"nang", "n ang"}, {"nao", "n ao"}, {"ne", "n e"}, {"nei", "n ei"}, {"nen", "n en"}, {"neng", "n eng"},
    {"ni", "n i"}, {"nian", "n ian"}, {"niang", "n iang"}, {"niao", "n iao"}, {"nie", "n ie"}, {"nin", "n in"},
    {"ning", "n ing"}, {"niu", "n iu"}, {"nong", "n ong"}, {"nou", "n ou"}, {"nu", "n u"}, {"nuan", "n uan"},
    {"nun", "n un"}, {"nuo", "n uo"}, {"nv", "n v"}, {"nve", "n ve"}, {"o", "OO o"}, {"ou", "OO ou"}, {"pa", "p a"},
    {"pai", "p ai"}, {"pan", "p an"}, {"pang", "p ang"}, {"pao", "p ao"}, {"pei", "p ei"}, {"pen", "p en"},
    {"peng", "p eng"}, {"pi", "p i"}, {"pian", "p ian"}, {"piao", "p iao"}, {"pie", "p ie"}, {"pin", "p in"},
    {"ping", "p ing"}, {"po", "p o"}, {"pou", "p ou"}, {"pu", "p u"}, {"qi", "q i"}, {"qia", "q ia"},
    {"qian", "q ian"}, {"qiang", "q iang"}, {"qiao", "q iao"}, {"qie", "q ie"}, {"qin", "q in"}, {"qing", "q ing"},
    {"qiong", "q iong"}, {"qiu", "q iu"}, {"qu", "q v"}, {"quan", "q van"}, {"que", "q ve"}, {"qun", "q vn"},
    {"qv", "q v"}, {"qvan", "q van"}, {"qve", "q ve"}, {"qvn", "q vn"}, {"ran", "r an"}, {"rang", "r ang"},
    {"rao", "r ao"}, {"re", "r e"}, {"ren", "r en"}, {"reng", "r eng"}, {"ri", "r ir"}, {"rong", "r ong"},
    {"rou", "r ou"}, {"ru", "r u"}, {"rua", "r ua"}, {"ruan", "r uan"}, {"rui", "r ui"}, {"run", "r un"},
    {"ruo", "r uo"}, {"sa", "s a"}, {"sai", "s ai"}, {"san", "s an"}, {"sang", "s ang"}, {"sao", "s ao"},
    {"se", "s e"}, {"sen", "s en"}, {"seng", "s eng"}, {"sha", "sh a"}, {"shai", "sh ai"}, {"shan", "sh an"},
    {"shang", "sh ang"}, {"shao", "sh ao"}, {"she", "sh e"}, {"shei", "sh ei"}, {"shen", "sh en"},
    {"sheng", "sh eng"}, {"shi", "sh ir"}, {"shou", "sh ou"}, {"shu", "sh u"}, {"shua", "sh ua"}, {"shuai", "sh uai"},
    {"shuan", "sh uan"}, {"shuang", "sh uang"}, {"shui", "sh ui"}, {"shun", "sh un"}, {"shuo", "sh uo"},
    {"si", "s i0"}, {"song", "s ong"}, {"sou", "s ou"}, {"su", "s u"}, {"suan", "s uan"}, {"sui", "s ui"},
    {"sun", "s un"}, {"suo", "s uo"}, {"ta", "t a"}, {"tai", "t ai"}, {"tan", "t an"}, {"tang", "t ang"},
    {"tao", "t ao"}, {"te", "t e"}, {"tei", "t ei"}, {"teng", "t eng"}, {"ti", "t i"}, {"tian", "t ian"},
    {"tiao", "t iao"}, {"tie", "t ie"}, {"ting", "t ing"}, {"tong", "t ong"}, {"tou", "t ou"}, {"tu", "t u"},
    {"tuan", "t uan"}, {"tui", "t ui"}, {"tun", "t un"}, {"tuo", "t uo"}, {"wa", "w a"}, {"wai", "w ai"},
    {"wan", "w an"}, {"wang", "w ang"}, {"wei", "w ei"}, {"wen", "w en"}, {"weng", "w eng"}, {"wo", "w o"},
    {"wu", "w u"}, {"xi", "x i"}, {"xia", "x ia"}, {"xian", "x ian"}, {"xiang", "x iang"}, {"xiao", "x iao"},
    {"xie", "x ie"}, {"xin", "x in"}, {"xing", "x ing"}, {"xiong", "x iong"}, {"xiu", "x iu"}, {"xu", "x v"},
    {"xuan", "x van"}, {"xue", "x ve"}, {"xun", "x vn"}, {"xv", "x v"}, {"xvan", "x van"}, {"xve", "x ve"},
    {"xvn", "x vn"}, {"ya", "y a"}, {"yan", "y En"}, {"yang", "y ang"}, {"yao", "y ao"}, {"ye", "y E"}, {"yi", "y i"},
    {"yin", "y in"}, {"ying", "y ing"}, {"yo", "y o"}, {"yong", "y ong"}, {"you", "y ou"}, {"yu", "y v"},
    {"yuan", "y van"}, {"yue", "y ve"}, {"yun", "y vn"}, {"yv", "y v"}, {"yvan", "y van"}, {"yve", "y ve"},
    {"yvn", "y vn"}, {"za", "z a"}, {"zai", "z ai"}, {"zan", "z an"}, {"zang", "z ang"}, {"zao", "z ao"},
    {"ze", "z e"}, {"zei", "z ei"}, {"zen", "z en"}, {"zeng", "z eng"}, {"zha", "zh a"}, {"zhai", "zh ai"},
    {"zhan", "zh an"}, {"zhang", "zh ang"}, {"zhao", "zh ao"}, {"zhe", "zh e"}, {"zhei", "zh ei"}, {"zhen", "zh en"},
    {"zheng", "zh eng"}, {"zhi", "zh ir"}, {"zhong", "zh ong"}, {"zhou", "zh ou"}, {"zhu", "zh u"}, {"zhua", "zh ua"},
    {"zhuai", "zh uai"}, {"zhuan", "zh uan"}, {"zhuang", "zh uang"}, {"zhui", "zh ui"}, {"zhun", "zh un"},
    {"zhuo", "zh uo"}, {"zi", "z i0"}, {"zong", "z ong"}, {"zou", "z ou"}, {"zu", "z u"}, {"zuan", "z uan"},
    {"zui", "z ui"}, {"zun", "z un"}, {"zuo", "z uo"},
};
const size_t melo_zh_pinyin_count = COUNT(melo_zh_pinyin);

const char *const melo_zh_neutral[] = {
    "一辈", "丈人", "丈夫", "上司", "上头", "下巴", "下水", "不在", "不由", "世故", "东家", "东西", "两口", "丧气", "丫头", "主意", "买卖", "事情", "云彩",
    "交情", "亲家", "亲戚", "人家", "什么", "介绍", "休息", "伙计", "似的", "位置", "体面", "作坊", "佩服", "使唤", "便宜", "倒腾", "兄弟", "先生", "关系",
    "养活", "冒失", "冤家", "冤枉", "冷战", "凉快", "凑合", "凤凰", "出息", "分析", "利害", "利索", "利落", "别扭", "刺激", "刺猬", "前头", "力气", "功夫",
    "动弹", "动静", "勤快", "匀称", "包涵", "包袱", "千斤", "厉害", "厚道", "口袋", "叫唤", "吆喝", "合同", "吉他", "名堂", "名字", "后头", "吓唬", "含糊",
    "告示", "告诉", "和尚", "咕噜", "咖喱", "咳嗽", "哆嗦", "哈欠", "哑巴", "唾沫", "商量", "喇叭", "喇嘛", "喉咙", "喜欢", "喽啰", "嘀咕", "嘟囔", "嘱咐",
    "嘴巴", "困难", "在乎", "地方", "地道", "壮实", "外甥", "多么", "多少", "大人", "大夫", "大意", "大方", "大爷", "太阳", "头发", "女婿", "奴才", "妖精",
    "妥当", "妯娌", "姐夫", "姑娘", "委屈", "姥爷", "娘家", "婆家", "媒人", "媳妇", "嫁妆", "字号", "学生", "学问", "官司", "实在", "客气", "家伙", "寒碜",
    "寡妇", "对付", "对头", "将就", "小伙", "小气", "少爷", "尾巴", "屁股", "岁数", "工夫", "差事", "巴掌", "巴结", "师傅", "师父", "希罕", "帐篷", "帮手",
    "干事", "幸福", "庄稼", "应酬", "开通", "弄堂", "弟兄", "张罗", "得罪", "心思", "志气", "忙活", "快活", "念叨", "念头", "怎么", "思量", "怪物", "悟性",
    "情形", "惦记", "意思", "意识", "懒得", "戒指", "扁担", "扎实", "扑腾", "打发", "打听", "打扮", "打点", "打算", "打量", "扫帚", "扫把", "折腾", "护士",
    "报复", "抬举", "拖沓", "招呼", "招牌", "拨弄", "拳头", "拾掇", "指头", "指甲", "挑剔", "挖苦", "提防", "收成", "收拾", "故事", "新鲜", "时候", "明白",
    "暖和", "月亮", "月饼", "朋友", "木匠", "木头", "本事", "机灵", "枇杷", "枕头", "架势", "柴火", "栅栏", "核桃", "棉花", "棒槌", "棺材", "槟榔", "模糊",
    "欺负", "正经", "母亲", "比方", "泥鳅", "活泼", "浪头", "消息", "清楚", "温和", "溜达", "滑溜", "漂亮", "火候", "灯笼", "炊帚", "点心", "烂糊", "烟筒",
    "烧饼", "热闹", "照顾", "熟悉", "爱人", "父亲", "爽快", "牌楼", "牙碜", "牢骚", "牲口", "特务", "状元", "狐狸", "玄乎", "玫瑰", "玻璃", "琉璃", "琢磨",
    "琵琶", "甘蔗", "甜头", "生意", "畜生", "疏忽", "疙瘩", "疟疾", "痛快", "痢疾", "白净", "盘算", "盘缠", "相声", "眉毛", "眨巴", "眯缝", "眼睛", "知识",
    "石匠", "石头", "石榴", "码头", "砚台", "祖宗", "福气", "秀才", "秀气", "秧歌", "称呼", "稀罕", "稳当", "窗户", "窝囊", "窟窿", "笑话", "笑语", "笤帚",
    "答应", "算盘", "算计", "篱笆", "簸箕", "粮食", "精神", "糊涂", "糟蹋", "糨糊", "累赘", "红火", "结实", "编辑", "罐头", "罗嗦", "翻腾", "老太", "老头",
    "老婆", "老实", "老爷", "耳朵", "耷拉", "耽搁", "耽误", "聪明", "胡同", "胡琴", "胡萝", "胭脂", "胳膊", "能耐", "脊梁", "脑袋", "脾气", "膏药", "自在",
    "舌头", "舒坦", "舒服", "芝麻", "苍蝇", "苗头", "苗条", "荒唐", "荸荠", "菩萨", "萝卜", "葡萄", "葫芦", "薄荷", "蘑菇", "蚂蚱", "蛤蟆", "蜡烛", "行当",
    "行李", "街坊", "衙门", "衣服", "衣裳", "补丁", "裁缝", "见识", "规矩", "计划", "认识", "记号", "记性", "讲究", "豆腐", "财主", "费用", "趔趄", "跟头",
    "跳蚤", "踏实", "转悠", "软和", "过去", "运气", "这个", "这么", "连累", "迷糊", "造化", "逻辑", "道士", "邋遢", "那个", "那么", "部分", "里头", "里脊",
    "钥匙", "铁匠", "铃铛", "铺盖", "锄头", "门道", "闺女", "阔气", "队伍", "难为", "风筝", "馄饨", "馒头", "首饰", "马虎", "骆驼", "骨头", "高粱", "鸳鸯",
    "麻利", "麻烦",
};
const size_t melo_zh_neutral_count = COUNT(melo_zh_neutral);

const char *const melo_zh_not_neutral[] = {
    "人人", "分子", "原子", "女子", "瓜子", "电子", "男子", "石子", "莲子", "虎虎", "量子",
};
const size_t melo_zh_not_neutral_count = COUNT(melo_zh_not_neutral);

const melo_pair melo_kana_1[] = {
    {"、", ","}, {"。", "."}, {"ァ", "a"}, {"ア", "a"}, {"ィ", "i"}, {"イ", "i"}, {"ゥ", "u"}, {"ウ", "u"}, {"ェ", "e"},
    {"エ", "e"}, {"ォ", "o"}, {"オ", "o"}, {"カ", "k a"}, {"ガ", "g a"}, {"キ", "k i"}, {"ギ", "g i"}, {"ク", "k u"},
    {"グ", "g u"}, {"ケ", "k e"}, {"ゲ", "g e"}, {"コ", "k o"}, {"ゴ", "g o"}, {"サ", "s a"}, {"ザ", "z a"}, {"シ", "sh i"},
    {"ジ", "j i"}, {"ス", "s u"}, {"ズ", "z u"}, {"セ", "s e"}, {"ゼ", "z e"}, {"ソ", "s o"}, {"ゾ", "z o"}, {"タ", "t a"},
    {"ダ", "d a"}, {"チ", "ch i"}, {"ヂ", "j i"}, {"ッ", "q"}, {"ツ", "ts u"}, {"ヅ", "z u"}, {"テ", "t e"}, {"デ", "d e"},
    {"ト", "t o"}, {"ド", "d o"}, {"ナ", "n a"}, {"ニ", "n i"}, {"ヌ", "n u"}, {"ネ", "n e"}, {"ノ", "n o"}, {"ハ", "h a"},
    {"バ", "b a"}, {"パ", "p a"}, {"ヒ", "h i"}, {"ビ", "b i"}, {"ピ", "p i"}, {"フ", "f u"}, {"ブ", "b u"}, {"プ", "p u"},
    {"ヘ", "h e"}, {"ベ", "b e"}, {"ペ", "p e"}, {"ホ", "h o"}, {"ボ", "b o"}, {"ポ", "p o"}, {"マ", "m a"}, {"ミ", "m i"},
    {"ム", "m u"}, {"メ", "m e"}, {"モ", "m o"}, {"ャ", "y a"}, {"ヤ", "y a"}, {"ュ", "y u"}, {"ユ", "y u"}, {"ョ", "y o"},
    {"ヨ", "y o"}, {"ラ", "r a"}, {"リ", "r i"}, {"ル", "r u"}, {"レ", "r e"}, {"ロ", "r o"}, {"ヮ", "w a"}, {"ワ", "w a"},
    {"ヰ", "i"}, {"ヱ", "e"}, {"ヲ", "o"}, {"ン", "N"}, {"ヴ", "b u"}, {"ヶ", "k e"}, {"・", ","}, {"ー", ""},
    {"煞", "sh y a"}, {"琦", "ch i"}, {"髙", "t a k a"}, {"！", "!"}, {"？", "?"},
};
const size_t melo_kana_1_count = COUNT(melo_kana_1);

const melo_pair melo_kana_2[] = {
    {"アァ", "a a"}, {"イィ", "i i"}, {"イェ", "i e"}, {"イャ", "y a"}, {"ウァ", "u a"}, {"ウィ", "w i"}, {"ウゥ", "u:"},
    {"ウェ", "w e"}, {"ウォ", "w o"}, {"エェ", "e e"}, {"オォ", "o:"}, {"カァ", "k a:"}, {"ガァ", "g a:"}, {"キィ", "k i:"},
    {"キャ", "ky a"}, {"キュ", "ky u"}, {"キョ", "ky o"}, {"ギィ", "g i:"}, {"ギャ", "gy a"}, {"ギュ", "gy u"}, {"ギョ", "gy o"},
    {"クゥ", "k u:"}, {"クャ", "ky a"}, {"クュ", "ky u"}, {"クョ", "ky o"}, {"グゥ", "g u:"}, {"グャ", "gy a"}, {"グュ", "gy u"},
    {"グョ", "gy o"}, {"ケェ", "k e:"}, {"ゲェ", "g e:"}, {"コォ", "k o:"}, {"ゴォ", "g o:"}, {"サァ", "s a:"}, {"ザァ", "z a:"},
    {"シィ", "sh i:"}, {"シェ", "sh e"}, {"シャ", "sh a"}, {"シュ", "sh u"}, {"ショ", "sh o"}, {"ジィ", "j i:"}, {"ジェ", "j e"},
    {"ジャ", "j a"}, {"ジュ", "j u"}, {"ジョ", "j o"}, {"スィ", "s i"}, {"スゥ", "s u:"}, {"スャ", "sh a"}, {"スュ", "sh u"},
    {"スョ", "sh o"}, {"ズァ", "z u a"}, {"ズィ", "z i"}, {"ズゥ", "z u"}, {"ズェ", "z e"}, {"ズォ", "z o"}, {"ズャ", "zy a"},
    {"ズュ", "zy u"}, {"ズョ", "zy o"}, {"セェ", "s e:"}, {"ゼェ", "z e:"}, {"ソォ", "s o:"}, {"ゾォ", "z o:"}, {"タァ", "t a:"},
    {"ダァ", "d a:"}, {"チィ", "ch i:"}, {"チェ", "ch e"}, {"チャ", "ch a"}, {"チュ", "ch u"}, {"チョ", "ch o"}, {"ヂィ", "j i:"},
    {"ヂェ", "j e"}, {"ヂャ", "j a"}, {"ヂュ", "j u"}, {"ヂョ", "j o"}, {"ツァ", "ts a"}, {"ツィ", "ts i"}, {"ツゥ", "ts u:"},
    {"ツェ", "ts e"}, {"ツォ", "ts o"}, {"ツャ", "ch a"}, {"ツュ", "ch u"}, {"ツョ", "ch o"}, {"ヅゥ", "d u:"}, {"ヅャ", "zy a"},
    {"ヅュ", "zy u"}, {"ヅョ", "zy o"}, {"ティ", "t i"}, {"テェ", "t e:"}, {"テャ", "ty a"}, {"テュ", "ty u"}, {"テョ", "ty o"},
    {"ディ", "d i"}, {"デェ", "d e:"}, {"デャ", "dy a"}, {"デュ", "dy u"}, {"デョ", "dy o"}, {"トゥ", "t u"}, {"トォ", "t o:"},
    {"トャ", "ty a"}, {"トュ", "ty u"}, {"トョ", "ty o"}, {"ドァ", "d o a"}, {"ドゥ", "d u"}, {"ドォ", "d o:"}, {"ドャ", "dy a"},
    {"ドュ", "dy u"}, {"ドョ", "dy o"}, {"ナァ", "n a:"}, {"ニィ", "n i:"}, {"ニャ", "ny a"}, {"ニュ", "ny u"}, {"ニョ", "ny o"},
    {"ヌゥ", "n u:"}, {"ヌャ", "ny a"}, {"ヌュ", "ny u"}, {"ヌョ", "ny o"}, {"ネェ", "n e:"}, {"ノォ", "n o:"}, {"ハァ", "h a:"},
    {"バァ", "b a:"}, {"パァ", "p a:"}, {"ヒィ", "h i:"}, {"ヒャ", "hy a"}, {"ヒュ", "hy u"}, {"ヒョ", "hy o"}, {"ビィ", "b i:"},
    {"ビャ", "by a"}, {"ビュ", "by u"}, {"ビョ", "by o"}, {"ピィ", "p i:"}, {"ピャ", "py a"}, {"ピュ", "py u"}, {"ピョ", "py o"},
    {"ファ", "f a"}, {"フィ", "f i"}, {"フゥ", "f u"}, {"フェ", "f e"}, {"フォ", "f o"}, {"フャ", "hy a"}, {"フュ", "hy u"},
    {"フョ", "hy o"}, {"ブゥ", "b u:"}, {"ブュ", "by u"}, {"プゥ", "p u:"}, {"プャ", "py a"}, {"プュ", "py u"}, {"プョ", "py o"},
    {"ヘェ", "h e:"}, {"ベェ", "b e:"}, {"ペェ", "p e:"}, {"ホォ", "h o:"}, {"ボォ", "b o:"}, {"ポォ", "p o:"}, {"マァ", "m a:"},
    {"ミィ", "m i:"}, {"ミャ", "my a"}, {"ミュ", "my u"}, {"ミョ", "my o"}, {"ムゥ", "m u:"}, {"ムャ", "my a"}, {"ムュ", "my u"},
    {"ムョ", "my o"}, {"メェ", "m e:"}, {"モォ", "m o:"}, {"ヤァ", "y a:"}, {"ユゥ", "y u:"}, {"ユャ", "y a:"}, {"ユュ", "y u:"},
    {"ユョ", "y o:"}, {"ヨォ", "y o:"}, {"ラァ", "r a:"}, {"リィ", "r i:"}, {"リャ", "ry a"}, {"リュ", "ry u"}, {"リョ", "ry o"},
    {"ルゥ", "r u:"}, {"ルャ", "ry a"}, {"ルュ", "ry u"}, {"ルョ", "ry o"}, {"レェ", "r e:"}, {"ロォ", "r o:"}, {"ワァ", "w a:"},
    {"ヲォ", "o:"}, {"ヴァ", "b a"}, {"ヴィ", "b i"}, {"ヴェ", "b e"}, {"ヴォ", "b o"}, {"ヴュ", "by u"},
};
const size_t melo_kana_2_count = COUNT(melo_kana_2);

const melo_pair melo_kana_punctuation[] = {
    {"\n", "."}, {"...", "…"}, {"·", ","}, {"、", ","}, {"。", "."}, {"！", "!"}, {"，", ","}, {"：", ","}, {"；", ","},
    {"？", "?"},
};
const size_t melo_kana_punctuation_count = COUNT(melo_kana_punctuation);

const melo_pair melo_kr_etc[] = {
    {"1+1", "원플러스원"}, {"2+1", "투플러스원"},
};
const size_t melo_kr_etc_count = COUNT(melo_kr_etc);

const melo_pair melo_kr_english[] = {
    {"A", "에이"}, {"AI", "에이아이"}, {"B", "비"}, {"C", "씨"}, {"CCTV", "씨씨티비"}, {"CEO", "씨이오"}, {"D", "디"}, {"DOWN", "다운"},
    {"E", "이"}, {"F", "에프"}, {"G", "지"}, {"H", "에이치"}, {"I", "아이"}, {"IDOL", "아이돌"}, {"IQ", "아이큐"}, {"IT", "아이티"},
    {"J", "제이"}, {"K", "케이"}, {"KOREA", "코리아"}, {"L", "엘"}, {"M", "엠"}, {"N", "엔"}, {"O", "오"}, {"P", "피"},
    {"PC", "피씨"}, {"Q", "큐"}, {"R", "알"}, {"S", "에스"}, {"SNS", "에스엔에스"}, {"T", "티"}, {"U", "유"}, {"UP", "업"},
    {"V", "브이"}, {"W", "더블유"}, {"X", "엑스"}, {"Y", "와이"}, {"Z", "제트"},
};
const size_t melo_kr_english_count = COUNT(melo_kr_english);

const melo_pair melo_es_punctuation[] = {
    {"\n", "."}, {"$", "."}, {"(", "'"}, {")", "'"}, {"...", "."}, {"[", "'"}, {"]", "'"}, {"~", "-"}, {"·", ","},
    {"—", ""}, {"‘", "'"}, {"’", "'"}, {"“", "'"}, {"”", "'"}, {"…", "."}, {"、", ","}, {"。", "."}, {"《", "'"},
    {"》", "'"}, {"「", "'"}, {"」", "'"}, {"【", "'"}, {"】", "'"}, {"！", "!"}, {"（", "'"}, {"）", "'"}, {"，", ","},
    {"：", ","}, {"；", ","}, {"？", "?"}, {"～", "-"},
};
const size_t melo_es_punctuation_count = COUNT(melo_es_punctuation);

const melo_pair melo_fr_punctuation[] = {
    {"\n", "."}, {"$", "."}, {"(", ""}, {")", ""}, {"...", "."}, {"[", ""}, {"]", ""}, {"~", "-"}, {"¡", ""},
    {"·", ","}, {"¿", ""}, {"—", ""}, {"‘", ""}, {"’", ""}, {"“", ""}, {"”", ""}, {"…", "."}, {"、", ","}, {"。", "."},
    {"《", ""}, {"》", ""}, {"「", ""}, {"」", ""}, {"【", ""}, {"】", ""}, {"！", "!"}, {"（", ""}, {"）", ""}, {"，", ","},
    {"：", ","}, {"；", ","}, {"？", "?"}, {"～", "-"},
};
const size_t melo_fr_punctuation_count = COUNT(melo_fr_punctuation);

const melo_pattern melo_fr_abbreviations[] = {
    {"M\\.", true, "monsieur"}, {"Mlle\\.", true, "mademoiselle"}, {"Mlles\\.", true, "mesdemoiselles"},
    {"Mme\\.", true, "Madame"}, {"Mmes\\.", true, "Mesdames"}, {"N.B\\.", true, "nota bene"},
    {"M\\.", true, "monsieur"}, {"p.c.q\\.", true, "parce que"}, {"Pr\\.", true, "professeur"},
    {"qqch\\.", true, "quelque chose"}, {"rdv\\.", true, "rendez-vous"}, {"max\\.", true, "maximum"},
    {"min\\.", true, "minimum"}, {"no\\.", true, "numéro"}, {"adr\\.", true, "adresse"}, {"dr\\.", true, "docteur"},
    {"st\\.", true, "saint"}, {"co\\.", true, "companie"}, {"jr\\.", true, "junior"}, {"sgt\\.", true, "sergent"},
    {"capt\\.", true, "capitain"}, {"col\\.", true, "colonel"}, {"av\\.", true, "avenue"},
    {"av. J.-C\\.", true, "avant Jésus-Christ"}, {"apr. J.-C\\.", true, "après Jésus-Christ"},
    {"art\\.", true, "article"}, {"boul\\.", true, "boulevard"}, {"c.-à-d\\.", true, "c’est-à-dire"},
    {"etc\\.", true, "et cetera"}, {"ex\\.", true, "exemple"}, {"excl\\.", true, "exclusivement"},
    {"boul\\.", true, "boulevard"}, {"Mlle", false, "mademoiselle"}, {"Mlles", false, "mesdemoiselles"},
    {"Mme", false, "Madame"}, {"Mmes", false, "Mesdames"},
};
const size_t melo_fr_abbreviations_count = COUNT(melo_fr_abbreviations);

static int by_word(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

bool melo_in(const char *const *list, size_t count, const char *word)
{
    return bsearch(word, list, count, sizeof *list, by_word) != NULL;
}

const char *melo_map(const melo_pair *list, size_t count, const char *from)
{
    const melo_pair *p = bsearch(from, list, count, sizeof *list, by_word);

    return p ? p->to : NULL;
}
