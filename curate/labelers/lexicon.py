"""Words that tell what a line is for, in thirteen languages, and marks that tokens carry.

A token (what stands between white space) is looked at once in the life of a
process; its row of marks is remembered by `tokens.TokenTable`. So nothing here
is on the hot path, and no regular expression runs per segment.

Languages: English, German, French, Spanish, Italian, Portuguese, Dutch,
Swedish, Polish, Russian, Chinese, Japanese, Arabic. Chinese and Japanese text
reaches this module cut in pairs of characters (`tokens.spaced`).
"""

from __future__ import annotations

import re

__all__ = [
    "FIRST_BIT",
    "MARKS",
    "OUTER",
    "PLAIN_ENDS",
    "mark_bits",
    "marks_of",
    "plain_bits",
    "word_bits",
]

_LISTS = {
    "month": """january february march april may june july august september october november
        december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday
        thursday friday saturday sunday mon tue wed thu fri sat sun januar februar märz mai
        juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
        janvier février mars avril juin juillet août septembre octobre novembre décembre lundi
        mardi mercredi jeudi vendredi samedi dimanche enero febrero marzo abril mayo junio
        julio agosto septiembre octubre noviembre diciembre lunes martes miércoles jueves
        viernes sábado domingo gennaio febbraio aprile maggio giugno luglio settembre ottobre
        dicembre lunedì martedì mercoledì giovedì venerdì sabato domenica janeiro fevereiro
        março maio junho julho setembro outubro novembro dezembro segunda terça quarta quinta
        sexta januari februari maart mei augustus maandag dinsdag woensdag donderdag vrijdag
        zaterdag zondag maj augusti måndag tisdag onsdag torsdag fredag lördag söndag stycznia
        lutego marca kwietnia maja czerwca lipca sierpnia września października listopada
        grudnia января февраля марта апреля мая июня июля августа сентября октября ноября
        декабря يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر""",
    "time": """ago hour hours hr hrs minute minutes min mins second seconds day days week
        weeks month months year years yesterday today tomorrow updated published posted pm am
        est edt gmt utc vor stunde stunden minuten tag tagen tage woche wochen monat monaten
        jahr jahren gestern heute uhr aktualisiert veröffentlicht stand il heure heures minute
        jour jours semaine semaines mois ans hier aujourd publié hace hora horas minutos día
        días semana semanas mes meses año años ayer hoy publicado actualizado fa ora ore
        minuti giorno giorni settimana mese mesi anno anni ieri oggi pubblicato aggiornato há
        atrás dia dias ontem hoje mês ano anos geleden uur minuten dagen weken maanden jaar
        gisteren vandaag sedan timmar timme minuter dag dagar vecka veckor månad igår idag
        publicerad temu godzin godziny minut dni tydzień miesiąc wczoraj dzisiaj назад час
        часов часа минут минуты день дня дней неделю вчера сегодня منذ ساعة ساعات دقيقة دقائق
        يوم أيام أمس اليوم 小时 分钟 昨天 今天 时间 日前 時間 年前 月前 前""",
    "credit": """photo photos photograph photographer photography photographed image images
        credit credits courtesy getty reuters afp ap shutterstock unsplash istock alamy epa
        pexels pixabay flickr wikimedia commons handout via file pool screenshot illustration
        video figure fig caption source foto fotos bild bilder bildquelle quelle abbildung abb
        archiv dpa imago symbolbild crédit crédits illustration capture imagen fotografía
        fuente cortesía efe captura fotografia immagine fonte ansa imagem divulgação
        reprodução crédito afbeelding bron anp fotograf bildtext zdjęcie fot źródło rys фото
        иллюстрация источник рис тасс صورة تصوير المصدر 图片 来源 图源 摄影 新华 写真 提供
        画像 撮影 出典 図""",
    "picture": """left right center centre above below pictured shown seen poses pose stands
        stand sits speaks walks holds looks during smiles attends arrives waves undated links
        rechts oben unten zeigt steht gauche droite photo dessus montre izquierda derecha
        arriba muestra sinistra destra sopra mostra esquerda direita acima vänster höger ovan
        lewej prawej слева справа""",
    "action": """read more view learn click subscribe download buy shop discover explore get
        start sign join register watch listen continue see show load apply try book order add
        save submit contact find check browse request download weiterlesen mehr ansehen jetzt
        abonnieren kaufen lesen anmelden herunterladen entdecken lire suite voir abonner
        acheter découvrir télécharger plus leer más ver suscríbete comprar descubre descargar
        continuar leggi di più scopri acquista abbonati scarica continua leia mais saiba
        assine baixar veja lees meer bekijk koop läs mer köp visa ladda prenumerera czytaj
        więcej zobacz kup pobierz читать далее подробнее купить смотреть подписаться скачать
        اقرأ المزيد اشترك تحميل شاهد 阅读 更多 查看 下载 订阅 立即 続き もっと 詳しく 見る
        購入 登録""",
    "social": """share tweet facebook twitter linkedin instagram youtube whatsapp pinterest
        reddit telegram tiktok email print copy link follow rss bluesky threads mastodon x
        like likes teilen drucken folgen merken partager imprimer suivre compartir imprimir
        seguir condividi stampa segui compartilhar delen volg dela skriv udostępnij drukuj
        поделиться печать вконтакте مشاركة طباعة 分享 微博 微信 シェア ツイ""",
    "legal": """copyright rights reserved privacy policy terms conditions cookie cookies
        consent gdpr disclaimer legal trademark trademarks inc llc ltd gmbh accessibility
        sitemap imprint impressum datenschutz agb rechte vorbehalten nutzungsbedingungen
        mentions légales droits réservés confidentialité aviso privacidad derechos reservados
        términos diritti riservati privacidade direitos termos voorwaarden rechten
        voorbehouden integritet villkor regulamin prywatności zastrzeżone права защищены
        конфиденциальности политика حقوق محفوظة سياسة 版权 隐私 条款 备案 著作 規約 利用""",
    "comment": """comment comments reply replies answer answers post posts thread threads
        quote quoted member joined views votes upvote helpful review reviews rating ratings
        stars kommentar kommentare antworten antwort beitrag beiträge commentaire commentaires
        répondre avis comentario comentarios responder respuesta opiniones commento commenti
        rispondi recensioni comentário comentários resposta reactie reacties antwoord
        kommentarer svara komentarz komentarze odpowiedz комментарий комментарии ответить
        отзывы تعليق تعليقات رد 评论 回复 コメ 返信""",
    "author": """by author written editor edited staff writer correspondent contributor
        reporter von autor autorin redaktion par auteur rédaction por autora redacción di
        autore redazione door auteur redactie av skribent przez автор редакция بقلم الكاتب
        作者 编辑 记者 著者 記者 文""",
    "related": """related recommended popular trending latest recent featured similar also
        next previous prev further top stories news articles posts must most editors picks
        sponsored promoted advertisement advertising ad ads ähnliche auch verwandte beliebt
        meistgelesen neueste weitere anzeige werbung articles similaires aussi populaires lire
        récents publicité relacionados relacionadas también recomendado destacados últimas
        publicidad correlati anche articoli ultime notizie pubblicità relacionadas também leia
        últimas gerelateerd ook populair nieuwste relaterade också senaste annons powiązane
        podobne polecane najnowsze reklama похожие читайте также популярное новости реклама
        ذات صلة أيضا إعلان 相关 推荐 热门 最新 广告 関連 人気 最新 記事 広告""",
    "site": """home menu search login logout log account cart checkout wishlist skip content
        navigation toggle close open back categories category tags tag topics sections archive
        archives newsletter donate help faq about careers press support support blog suche
        anmelden konto warenkorb startseite zurück kategorien recherche connexion compte
        panier accueil retour buscar inicio iniciar cuenta carrito cerca accedi carrello
        buscar entrar carrinho zoeken inloggen winkelwagen sök logga varukorg szukaj zaloguj
        koszyk strona поиск войти корзина главная بحث دخول الرئيسية 首页 搜索 登录 注册 菜单
        検索 ログ ホー""",
    "function": """the of and to in a is that for it as was with be on not he his this are or
        had at from but have an they which you were her she we there been their has would when
        who will what so if about its than into could our der die das und ist nicht mit den
        von zu im ein eine auf für dem des sich es auch als an wird dass sie wir nach bei aus
        war hat le la les de et des un une est dans que qui pour pas sur au du ne se ce il par
        plus avec son sont el los las y en un una es por con para del al lo como más pero sus
        su no o che di e il per non sono della del nel con ha anche si i gli da em um uma os
        as não com do da na no se mais foi ele het een van niet op te dat zijn met voor is aan
        er och att det som en på är av för inte den med till har de om i w na z nie że się
        jest to do o jak po co za od и в не на что с по как это он а но из у к за от так же о
        في من على أن إلى عن مع هذا التي الذي لم ما كان 的 了 是 在 和 の に は を た が で て
        と""",
}

MARKS = (
    "chars",
    "words",
    "title_case",
    "upper_case",
    "lower_case",
    "digits",
    "number",
    "sentence_end",
    "clause_end",
    "ellipsis",
    "symbol",
    "quote",
    "opens",
    "closes",
    "separator",
    "currency",
    "address",
    "copyright",
    "year",
    "clock",
    "slash",
    *_LISTS,
)
"""Columns of a token's row: `chars` and `words` are counts, the others 0 or 1."""

_WORDS: dict[str, int] = {}
for _bit, _names in enumerate(_LISTS.values()):
    for _word in _names.split():
        _WORDS[_word] = _WORDS.get(_word, 0) | 1 << _bit

_WORD = re.compile(r"\w+")
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d+[smhdw]$", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d(?!\d)")

FIRST_BIT = 2
"""Marks from here on are yes or no: bit n of `mark_bits` is column n + 2."""

_BIT = {name: 1 << column - FIRST_BIT for column, name in enumerate(MARKS)
        if column >= FIRST_BIT}  # fmt: skip
_LIST_SHIFT = len(MARKS) - len(_LISTS) - FIRST_BIT
_CHARACTERS = {
    **dict.fromkeys('"“”„«»「」', _BIT["quote"]),
    **dict.fromkeys("([（【", _BIT["opens"]),
    **dict.fromkeys(")]）】", _BIT["closes"]),
    **dict.fromkeys("$€£¥₹₽", _BIT["currency"]),
    **dict.fromkeys("©®™", _BIT["copyright"]),
    "@": _BIT["address"],
    "…": _BIT["ellipsis"],
}
_MARKED = frozenset(_CHARACTERS)
_CLOSING = "\"'”’»)]›」』"


PLAIN_ENDS = {"": 0} | dict.fromkeys(".!?", _BIT["sentence_end"])
PLAIN_ENDS |= dict.fromkeys(",;:", _BIT["clause_end"])
"""What may stand after a plain word, and its mark."""

OUTER = ".,;:!?\"'()[]“”‘’"
"""What may stand around words that `word_bits` takes."""

_LOWER, _UPPER, _TITLE = _BIT["lower_case"], _BIT["upper_case"], _BIT["title_case"]


def plain_bits(word: str, lower: str, end: str) -> int:
    """Marks of a word of letters alone, with its lower case and the stop after it."""
    bits = _WORDS.get(lower, 0) << _LIST_SHIFT | PLAIN_ENDS[end]
    return bits | (_LOWER if word.islower() else _case_bits(word))


def word_bits(token: str, words: list[str]) -> int:
    """Marks of words of letters alone with one of `-'’.` between, and `OUTER` around them."""
    bits = _case_bits(words[0])
    for word in words[:4]:
        bits |= _WORDS.get(word.lower(), 0) << _LIST_SHIFT
    bits |= PLAIN_ENDS.get(token.rstrip(_CLOSING)[-1:], 0)
    if not _MARKED.isdisjoint(token):
        for char in token:
            bits |= _CHARACTERS.get(char, 0)
    return bits | _BIT["ellipsis"] if "..." in token else bits


def mark_bits(token: str) -> tuple[int, int]:
    """Number of words of a token, and its yes-or-no marks as bits."""
    if token.isascii() and token.isalpha():
        return 1, plain_bits(token, token.lower(), "")
    found = _WORD.findall(token)
    bits = 0
    if found:
        bits |= _case_bits(found[0])
        classes = 0
        for word in found[:4]:
            classes |= _WORDS.get(word.lower(), 0)
        bits |= classes << _LIST_SHIFT
        if not token.isalpha() and _has_digit(token):
            bits |= _digit_bits(token, found)
    else:
        bits |= _BIT["symbol"]
        if token[0] in "|›»→>•·/—–-":
            bits |= _BIT["separator"]
    last = token.rstrip(_CLOSING)[-1:]
    if last in _SENTENCE_ENDS:
        bits |= _BIT["sentence_end"]
    elif last in _CLAUSE_ENDS:
        bits |= _BIT["clause_end"]
    if not _MARKED.isdisjoint(token):
        for char in token:
            if char in _CHARACTERS:
                bits |= _CHARACTERS[char]
    if "..." in token:
        bits |= _BIT["ellipsis"]
    if "://" in token or "www." in token:
        bits |= _BIT["address"]
    elif len(found) > 1 and "/" in token:
        bits |= _BIT["slash"]
    return len(found), bits


_TEN = frozenset("0123456789")


def _has_digit(token: str) -> bool:
    return not _TEN.isdisjoint(token) or (
        not token.isascii() and any(char.isdigit() for char in token)
    )


_SENTENCE_ENDS = frozenset(".!?。！？؟")
_CLAUSE_ENDS = frozenset(",;:،，、：；")


def _case_bits(word: str) -> int:
    if word.islower():
        return _LOWER
    if len(word) > 1 and word.isupper():
        return _UPPER
    if word[0].isupper():
        return _TITLE
    return _LOWER if word[0].islower() else 0


def _digit_bits(token: str, found: list[str]) -> int:
    bits = _BIT["digits"]
    if all(map(str.isdigit, found)):
        bits |= _BIT["number"]
    if _YEAR.search(token):
        bits |= _BIT["year"]
    if _CLOCK.search(token):
        bits |= _BIT["clock"]
    return bits


def marks_of(token: str) -> list[float]:
    """The row of marks of one token, in the order of `MARKS`."""
    n_words, bits = mark_bits(token)
    flags = [float(bits >> bit & 1) for bit in range(len(MARKS) - FIRST_BIT)]
    return [float(len(token) + 1), float(n_words), *flags]
