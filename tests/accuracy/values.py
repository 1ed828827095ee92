"""values.py - synthetic values of every kind, made from the standard of each number and not from what the detectors look for.

Each generator takes a random.Random and gives one value as people write it. Nothing here belongs to anybody: ranges reserved for
tests and fiction are used where a standard has them, random ones elsewhere.
"""
import base64, datetime, hashlib, string

DIGITS = string.digits
UPPER = string.ascii_uppercase


def digits(r, n): return ''.join(r.choice(DIGITS) for _ in range(n))
def letters(r, n, alphabet=UPPER): return ''.join(r.choice(alphabet) for _ in range(n))
def grouped(text, sizes, sep=' '):
    out, at = [], 0
    for size in sizes:
        out.append(text[at:at + size])
        at += size
    return sep.join(out)


# ---- check digits ------------------------------------------------------------------------------------------------
def luhn(body):  # ISO/IEC 7812-1 annex B
    total = 0
    for i, c in enumerate(reversed(body)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return str(-total % 10)


def mod97(text):  # ISO 7064 MOD 97-10 over letters A=10..Z=35
    return int(''.join(str(int(c, 36)) for c in text)) % 97


def mod11_10(body):  # ISO 7064 MOD 11,10
    p = 10
    for c in body:
        s = (int(c) + p) % 10 or 10
        p = s * 2 % 11
    return str((11 - p) % 10)


def weighted(body, weights): return sum(int(c) * w for c, w in zip(body, weights))


VERHOEFF_D = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
              [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
              [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]
VERHOEFF_P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2], [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
              [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1], [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8]]


def verhoeff(body):
    c = 0
    for i, d in enumerate(reversed(body)):
        c = VERHOEFF_D[c][VERHOEFF_P[(i + 1) % 8][int(d)]]
    return str(VERHOEFF_D[c].index(0))


def retry(make):
    """Again until the number exists: some bodies have no check digit."""
    def again(r):
        while True:
            value = make(r)
            if value:
                return value
    return again


def date(r, first=1935, last=2005):
    start = datetime.date(first, 1, 1).toordinal()
    return datetime.date.fromordinal(r.randrange(start, datetime.date(last, 12, 31).toordinal()))


# ---- contact -----------------------------------------------------------------------------------------------------
GIVEN = {'en': 'Oliver Amelia George Isla Harry Emily Charlotte Thomas Sophie James Olivia Henry Lucy Edward Hannah Matthew Rebecca Daniel Sarah Michael Laura David Jessica'.split(),
         'de': 'Lukas Anna Jonas Lena Felix Katharina Maximilian Johanna Sebastian Ursula Jürgen Günther Heike Sabine Wolfgang Stefanie Matthias Birgit'.split(),
         'fr': 'Camille Julien Chloé Antoine Élodie Mathieu Aurélie François Hélène Guillaume Céline Benoît Stéphanie Thierry'.split(),
         'es': 'Alejandro Lucía Javier María Carlos Carmen Sergio Paula Miguel Ángela José Beatriz Raúl Inés'.split(),
         'it': 'Giulia Lorenzo Francesca Matteo Chiara Alessandro Valentina Giuseppe'.split(),
         'nl': 'Sanne Daan Femke Bram Lotte Thijs Maaike Jeroen'.split(),
         'pl': 'Katarzyna Piotr Agnieszka Tomasz Małgorzata Krzysztof Paweł Zofia'.split()}
FAMILY = {'en': 'Whitfield Harrington Ashworth Pemberton Thornbury Hargreaves Wetherby Lockwood Fairclough Osborne Middleton Hutchinson'.split(),
          'de': 'Müller Schneider Hoffmann Schröder Zimmermann Krüger Vogelsang Bergmann Lindemann Kowalski'.split(),
          'fr': 'Lefebvre Moreau Girard Fontaine Chevalier Marchand Rousseau Garnier'.split(),
          'es': 'García Fernández Rodríguez Navarro Domínguez Castellanos Ibáñez Zamora'.split(),
          'it': 'Esposito Ferrari Bianchi Ricciardi Lombardo Moretti'.split(),
          'nl': 'de Vries van Dijk Bakker Jansen Visser Hoekstra'.replace('de Vries', 'de_Vries').replace('van Dijk', 'van_Dijk').split(),
          'pl': 'Nowak Wiśniewski Kamiński Lewandowski Zieliński Wójcik'.split()}
LANGUAGES = list(GIVEN)


def person(r, lang=None):
    lang = lang or r.choice(LANGUAGES)
    return r.choice(GIVEN[lang]), r.choice(FAMILY[lang]).replace('_', ' ')


def ascii_of(text):
    for a, b in (('ü', 'ue'), ('ö', 'oe'), ('ä', 'ae'), ('ß', 'ss'), ('é', 'e'), ('è', 'e'), ('É', 'E'), ('ç', 'c'), ('ï', 'i'), ('î', 'i'), ('ô', 'o'), ('ñ', 'n'), ('á', 'a'),
                 ('Á', 'A'), ('í', 'i'), ('ó', 'o'), ('ú', 'u'), ('ł', 'l'), ('ś', 's'), ('ń', 'n'), ('ż', 'z'), ('ź', 'z'), ('ó', 'o'), ('ą', 'a'), ('ę', 'e'), ('ć', 'c'), ('É', 'E')):
        text = text.replace(a, b)
    return text


DOMAINS = ['example.com', 'example.org', 'mail.example.net', 'kanzlei-nord.example', 'web.example', 'posta.example', 'post.co.uk.example', 'xn--bcher-kva.example']


def email(r):
    given, family = (ascii_of(x).lower().replace(' ', '') for x in person(r))
    local = r.choice(['{g}.{f}', '{g}{f}', '{i}{f}', '{g}_{f}', '{f}.{g}', '{g}{n}', '{g}.{f}+{t}', '{g}-{f}', '{i}.{f}{n}', "o'{f}", '{G}.{F}'])
    local = local.format(g=given, f=family, i=given[0], n=r.randrange(1, 2000), t=r.choice(['news', 'shop', '2026']), G=given.title(), F=family.title())
    return local + '@' + r.choice(DOMAINS)


def phone_us(r):
    n = f'{r.randrange(201, 990)}555{r.randrange(100, 200):04d}'
    return r.choice(['({0}) {1}-{2}', '{0}-{1}-{2}', '+1 {0} {1} {2}', '{0}.{1}.{2}', '+1-{0}-{1}-{2}', '1-{0}-{1}-{2}', '+1{0}{1}{2}', '{0} {1} {2}']).format(n[:3], n[3:6], n[6:])


def phone_gb(r):
    n = r.choice([f'07700 900{r.randrange(1000):03d}', f'020 7946 0{r.randrange(1000):03d}', f'0161 496 0{r.randrange(1000):03d}', f'01632 960{r.randrange(1000):03d}'])
    return r.choice([n, '+44 ' + n[1:], n.replace(' ', ''), '+44 (0)' + n[1:], '+44' + n[1:].replace(' ', '')])


def phone_de(r):
    area = r.choice(['030', '040', '089', '0221', '0711', '06221', '0151', '0171', '0176'])
    n = digits(r, r.choice([7, 8]))
    return r.choice(['{a} {n}', '{a}/{n}', '+49 {b} {n}', '+49 (0){b} {n}', '0049 {b} {n}', '{a} {n1} {n2}', '{a}-{n}']).format(a=area, b=area[1:], n='1' + n[1:], n1='1' + n[1:4], n2=n[4:])


def phone_fr(r):
    n = r.choice('1234567') + digits(r, 8)
    s = r.choice([' ', '.', '-', ''])
    g = grouped(n[1:], [2] * 4, s or ' ').replace(' ', s)
    return r.choice([f'0{n[0]}{s}{g}', f'+33 {n[0]} {grouped(n[1:], [2] * 4)}', f'+33{n}'])


def phone_es(r):
    n = r.choice('679') + digits(r, 8)
    return r.choice([grouped(n, [3, 3, 3]), '+34 ' + grouped(n, [3, 2, 2, 2]), '+34' + n, n])


def phone_it(r): return r.choice(['+39 3{0} {1}', '3{0} {1}', '+39 06 {1}{2}', '06 {1}{2}']).format(digits(r, 2), digits(r, 7), digits(r, 1))
def phone_nl(r): return r.choice(['06-{0}', '06 {0}', '+31 6 {0}', '+316{0}', '020-{1}', '+31 20 {1}']).format(digits(r, 8), r.choice('2345678') + digits(r, 6))
def phone_pl(r): return r.choice(['+48 {0} {1} {2}', '{0} {1} {2}', '{0}-{1}-{2}', '+48{0}{1}{2}']).format(r.choice('5678') + digits(r, 2), digits(r, 3), digits(r, 3))
def phone_ie(r): return r.choice(['087 {0} {1}', '+353 87 {0} {1}', '(01) {0} {1}', '+353 1 {0} {1}']).format(digits(r, 3), digits(r, 4))
def phone_in(r): return r.choice(['+91 {0} {1}', '0{0}{1}', '+91-{0}{1}', '{0}{1}']).format(r.choice('6789') + digits(r, 4), digits(r, 5))
def phone_au(r): return r.choice(['04{0} {1} {2}', '+61 4{0} {1} {2}', '(02) {3} {4}', '+61 2 {3} {4}']).format(digits(r, 2), digits(r, 3), digits(r, 3), '9' + digits(r, 3), digits(r, 4))
def phone_br(r): return r.choice(['({0}) 9{1}-{2}', '+55 {0} 9{1}-{2}', '+55{0}9{1}{2}']).format(r.choice(['11', '21', '31', '41', '51']), digits(r, 4), digits(r, 4))


# ---- payment -----------------------------------------------------------------------------------------------------
CARDS = [(('4',), 16, [4, 4, 4, 4]), (('51', '52', '53', '54', '55', '2221', '2720', '2500'), 16, [4, 4, 4, 4]), (('34', '37'), 15, [4, 6, 5]), (('36', '38'), 14, [4, 6, 4]),
         (('6011', '65', '644'), 16, [4, 4, 4, 4]), (('3528', '3589'), 16, [4, 4, 4, 4]), (('62',), 16, [4, 4, 4, 4])]


def card(r):
    prefixes, length, sizes = r.choice(CARDS)
    body = r.choice(prefixes)
    body += digits(r, length - 1 - len(body))
    number = body + luhn(body)
    return r.choice([number, grouped(number, sizes), grouped(number, sizes, '-')])


IBANS = {'DE': '18n', 'GB': '4a14n', 'FR': '10n11c2n', 'ES': '20n', 'IT': '1a10n12c', 'NL': '4a10n', 'PL': '24n', 'IE': '4a14n', 'AT': '16n', 'BE': '12n', 'CH': '5n12c', 'PT': '21n', 'SE': '20n',
         'DK': '14n', 'NO': '11n', 'FI': '14n', 'CZ': '20n', 'LU': '3n13c', 'GR': '7n16c', 'HU': '24n', 'RO': '4a16c', 'SK': '20n', 'HR': '17n', 'BG': '4a6n8c', 'EE': '16n', 'LT': '16n', 'LV': '4a13c', 'MT': '4a5n18c', 'TR': '5n17c', 'SA': '2n18c', 'AE': '19n'}


def iban(r):
    country, shape = r.choice(sorted(IBANS.items()))
    body, size = '', ''
    for c in shape:
        if c.isdigit():
            size += c
        else:
            body += {'n': digits(r, int(size)), 'a': letters(r, int(size)), 'c': letters(r, int(size), UPPER + DIGITS)}[c]
            size = ''
    check = 98 - mod97(body + country + '00')
    number = f'{country}{check:02d}{body}'
    return r.choice([number, ' '.join(number[i:i + 4] for i in range(0, len(number), 4)), number.lower() if r.random() < .2 else number])


def aba(r):
    body = f'{r.randrange(1, 13):02d}' + digits(r, 6)
    return body + str(-weighted(body, [3, 7, 1, 3, 7, 1, 3, 7]) % 10)


def sort_code(r): return grouped(digits(r, 6), [2, 2, 2], '-')
def account_gb(r): return digits(r, 8)
def account_us(r): return digits(r, r.randrange(9, 13))
def clabe(r):
    body = r.choice(['002', '012', '014', '072']) + digits(r, 14)
    return body + str(-sum(int(c) * w % 10 for c, w in zip(body, [3, 7, 1] * 6)) % 10)
def bsb(r): return digits(r, 3) + '-' + digits(r, 3)
def ifsc(r): return letters(r, 4) + '0' + digits(r, 6)
def card_pin(r): return digits(r, 4)
def cvv(r): return digits(r, 3)
def track2(r):
    body = '4' + digits(r, 14)
    return f';{body}{luhn(body)}={r.randrange(27, 33)}{r.randrange(1, 13):02d}101{digits(r, 10)}?'


# ---- government ----------------------------------------------------------------------------------------------------
def ssn(r):
    area = r.choice([a for a in range(1, 900) if a != 666])
    return f'{area:03d}-{r.randrange(1, 100):02d}-{r.randrange(1, 10000):04d}'
def itin(r): return f'9{digits(r, 2)}-{r.randrange(70, 89)}-{digits(r, 4)}'
def ein(r): return f'{r.choice(["12", "20", "36", "54", "75", "88"])}-{digits(r, 7)}'
def sin(r):
    body = r.choice('1234567') + digits(r, 7)
    return grouped(body + luhn(body), [3, 3, 3], r.choice(' -'))
def nino(r):
    value = r.choice('ABCEGHJKLMNPRSTWXYZ') + r.choice('ABCEGHJKLMPRSTWXYZ') + digits(r, 6) + r.choice('ABCD')
    if value[:2] in ('BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ'):
        value = 'AB' + value[2:]
    return r.choice([value, grouped(value, [2, 2, 2, 2, 1])])
@retry
def nhs(r):
    body = r.choice('4567') + digits(r, 8)
    c = 11 - weighted(body, range(10, 1, -1)) % 11
    return None if c == 10 else grouped(body + str(c % 11), [3, 3, 4], r.choice([' ', '-', '']))
def utr(r):
    body = digits(r, 9)
    c = '21987654321'[weighted(body, [6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11]
    return c + body
def steuer_id(r):
    while True:
        pool = r.sample(DIGITS, 9)
        body = pool + [r.choice(pool)]
        r.shuffle(body)
        if body[0] != '0':
            body = ''.join(body)
            return r.choice([body + mod11_10(body), grouped(body + mod11_10(body), [2, 3, 3, 3])])
def rvnr(r):  # VKVV: letters count as two digits, weights 2 1 2 5 7 1 2 1 2 1 2 1, digit sums
    d = date(r)
    body = f'{r.choice(["12", "50", "65", "10"])}{d:%d%m%y}{r.choice(UPPER)}{digits(r, 2)}'
    plain = ''.join(f'{ord(c) - 64:02d}' if c.isalpha() else c for c in body)
    total = sum(sum(map(int, str(int(c) * w))) for c, w in zip(plain, [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]))
    return grouped(body + str(total % 10), [2, 6, 1, 3]) if r.random() < .5 else body + str(total % 10)
def icao(text): return str(sum(int(c, 36) * w for c, w in zip(text, [7, 3, 1] * 5)) % 10)
def personalausweis(r):
    body = r.choice('LMNPRTVWXY') + letters(r, 8, DIGITS + 'CFGHJKLMNPRTVWXYZ')
    return body + icao(body)
def kvnr(r):
    letter, body = r.choice(UPPER), digits(r, 8)
    plain = f'{ord(letter) - 64:02d}{body}'
    total = sum(sum(map(int, str(int(c) * (1 + i % 2)))) for i, c in enumerate(plain))
    return letter + body + str(total % 10)
def nir(r):
    body = f'{r.choice("12")}{r.randrange(30, 99):02d}{r.randrange(1, 13):02d}{r.randrange(1, 96):02d}{r.randrange(1, 900):03d}{r.randrange(1, 900):03d}'
    key = 97 - int(body) % 97
    return r.choice([f'{body}{key:02d}', grouped(body, [1, 2, 2, 2, 3, 3]) + f' {key:02d}'])
def dni(r):
    n = r.randrange(10000000, 99999999)
    return f'{n}{"TRWAGMYFPDXBNJZSQVHLCKE"[n % 23]}'
def nie(r):
    p, n = r.choice('XYZ'), r.randrange(0, 9999999)
    return f'{p}{n:07d}{"TRWAGMYFPDXBNJZSQVHLCKE"[int("XYZ".index(p) * 10000000 + n) % 23]}'
ODD = dict(zip(DIGITS + UPPER, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21] + [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))
def codice_fiscale(r):
    d = date(r)
    day = d.day + (40 if r.random() < .5 else 0)
    body = letters(r, 6, 'BCDFGLMNPRSTV') + f'{d:%y}' + 'ABCDEHLMPRST'[d.month - 1] + f'{day:02d}' + r.choice('ABCDEFGHIL') + digits(r, 3)
    total = sum(ODD[c] if i % 2 == 0 else int(c, 36) - (10 if c.isalpha() else 0) for i, c in enumerate(body))
    return body + UPPER[total % 26]
@retry
def bsn(r):
    body = r.choice('123456789') + digits(r, 7)
    c = weighted(body, range(9, 1, -1)) % 11
    return None if c == 10 else body + str(c)
def rijksregister(r):
    d = date(r, 1940, 1999)
    body = f'{d:%y%m%d}{r.randrange(1, 998):03d}'
    n = body + f'{97 - int(body) % 97:02d}'
    return r.choice([n, f'{n[:2]}.{n[2:4]}.{n[4:6]}-{n[6:9]}.{n[9:]}'])
def pesel(r):
    d = date(r, 1940, 1999)
    body = f'{d:%y%m%d}{digits(r, 4)}'
    return body + str(-weighted(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)
@retry
def nip(r):
    body = r.choice('123456789') + digits(r, 8)
    c = weighted(body, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11
    return None if c == 10 else grouped(body + str(c), [3, 3, 2, 2], '-')
def personnummer(r):
    d = date(r, 1940, 1999)
    body = f'{d:%y%m%d}{digits(r, 3)}'
    return r.choice(['', f'{d:%Y}'[:2]]) + f'{body[:6]}-{body[6:]}{luhn(body)}'
def hetu(r):
    d = date(r, 1940, 1999)
    body = f'{d:%d%m%y}', f'{r.randrange(2, 900):03d}'
    return f'{body[0]}-{body[1]}{"0123456789ABCDEFHJKLMNPRSTUVWXY"[int("".join(body)) % 31]}'
def cpr(r): return f'{date(r):%d%m%y}-{digits(r, 4)}'
@retry
def fodselsnummer(r):
    body = f'{date(r, 1940, 1999):%d%m%y}{r.randrange(0, 500):03d}'
    k1 = -weighted(body, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11
    k2 = -weighted(body + str(k1 % 10), [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
    return None if 10 in (k1, k2) else f'{body}{k1}{k2}'
def aadhaar(r):
    body = r.choice('23456789') + digits(r, 10)
    return r.choice([body + verhoeff(body), grouped(body + verhoeff(body), [4, 4, 4])])
def pan(r): return letters(r, 3) + r.choice('PCHFAT') + r.choice(UPPER) + digits(r, 4) + r.choice(UPPER)
def nric(r):
    p, body = r.choice('STFG'), digits(r, 7)
    total = weighted(body, [2, 7, 6, 5, 4, 3, 2]) + (4 if p in 'TG' else 0)
    return p + body + ('JZIHGFEDCBA' if p in 'ST' else 'XWUTRQPNMLK')[total % 11]
@retry
def tfn(r):
    body = r.choice('123456789') + digits(r, 7)
    for c in DIGITS:
        if weighted(body + c, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 == 0:
            return grouped(body + c, [3, 3, 3])
    return None
def cpf(r):
    body = digits(r, 9)
    for start in (10, 11):
        c = weighted(body, range(start, 1, -1)) * 10 % 11 % 10
        body += str(c)
    return r.choice([body, f'{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}'])
def cnpj(r):
    body = digits(r, 8) + '0001'
    for weights in ([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]):
        c = weighted(body, weights) % 11
        body += str(0 if c < 2 else 11 - c)
    return f'{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:12]}-{body[12:]}'
def ppsn(r):
    body = digits(r, 7)
    return body + 'WABCDEFGHIJKLMNOPQRSTUV'[weighted(body, range(8, 1, -1)) % 23]
def ahv(r):
    body = '756' + digits(r, 9)
    n = body + str(-weighted(body, [1, 3] * 6) % 10)
    return f'{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}'
@retry
def svnr(r):
    d = date(r)
    serial = f'{r.randrange(100, 1000)}'
    c = weighted(serial + f'{d:%d%m%y}', [3, 7, 9, 5, 8, 4, 2, 1, 6]) % 11
    return None if c == 10 else f'{serial}{c} {d:%d%m%y}'
def curp(r):
    d = date(r, 1940, 1999)
    body = letters(r, 1, 'BCDFG') + r.choice('AEIOU') + letters(r, 2) + f'{d:%y%m%d}' + r.choice('HM') + r.choice(['DF', 'JC', 'NL', 'OC']) + letters(r, 3, 'BCDFGHJKLMN') + '0'
    table = DIGITS + 'ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
    return body + str(-sum(table.index(c) * (18 - i) for i, c in enumerate(body)) % 10)
def cn_id(r):
    body = r.choice(['110101', '310104', '440106', '510107']) + f'{date(r, 1950, 2000):%Y%m%d}' + digits(r, 3)
    return body + '10X98765432'[weighted(body, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11]
def za_id(r):
    body = f'{date(r, 1940, 1999):%y%m%d}{digits(r, 4)}08'
    return body + luhn(body)
def oib(r):
    body = digits(r, 10)
    return body + mod11_10(body)
def nif_pt(r):
    body = r.choice('12') + digits(r, 7)
    c = 11 - weighted(body, range(9, 1, -1)) % 11
    return body + str(0 if c > 9 else c)
def partita_iva(r):
    body = digits(r, 7) + f'{r.randrange(1, 101):03d}'
    return body + luhn(body)
def passport_us(r): return r.choice([digits(r, 9), r.choice('AC') + digits(r, 8)])
def passport_gb(r): return digits(r, 9)
def passport_de(r):
    body = r.choice('CFGHJK') + letters(r, 8, DIGITS + 'CFGHJKLMNPRTVWXYZ')
    return body + icao(body) if r.random() < .5 else body
def passport_fr(r): return digits(r, 2) + letters(r, 2) + digits(r, 5)
def passport_in(r): return r.choice('JKLMNPRSTZ') + r.choice('123456789') + digits(r, 6)
def licence_gb(r):
    d = date(r, 1940, 2000)
    family = letters(r, 5, 'ABDEGHKLMNORSTW')
    return f'{family}{f"{d:%y}"[0]}{d:%m}{d:%d}{f"{d:%y}"[1]}{letters(r, 1)}{r.choice(UPPER + "9")}{r.choice("9")}{letters(r, 2)}'
def licence_us(r): return r.choice([r.choice(UPPER) + digits(r, 7), r.choice(UPPER) + digits(r, 12), digits(r, 9)])
def licence_de(r): return letters(r, 1, 'BCDEFJKLN') + digits(r, 3) + letters(r, 2, DIGITS + 'ABCDEF') + digits(r, 3) + r.choice(DIGITS + 'X') + '1'
def npi(r):
    body = r.choice('12') + digits(r, 8)
    return body + luhn('80840' + body)
def mbi(r):
    a = 'ACDEFGHJKMNPQRTUVWXY'
    return f'{r.choice("123456789")}{r.choice(a)}{r.choice(DIGITS + a)}{digits(r, 1)}-{r.choice(a)}{r.choice(DIGITS + a)}{digits(r, 1)}-{letters(r, 2, a)}{digits(r, 2)}'
def mrn(r): return digits(r, r.choice([7, 8, 10]))


# ---- devices, networks, places -----------------------------------------------------------------------------------
def imei(r):
    body = r.choice(['35', '86', '01', '99']) + digits(r, 12)
    n = body + luhn(body)
    return r.choice([n, f'{n[:2]}-{n[2:8]}-{n[8:14]}-{n[14:]}'])
def iccid(r):
    body = '89' + r.choice(['44', '49', '33', '01']) + digits(r, 14)
    return body + luhn(body)
def mac(r):
    pairs = [f'{r.randrange(256):02x}' for _ in range(6)]
    return r.choice([':'.join(pairs), '-'.join(pairs).upper(), ':'.join(pairs).upper(), '.'.join(''.join(pairs)[i:i + 4] for i in (0, 4, 8))])
def ipv4(r): return r.choice(['192.0.2.{}', '198.51.100.{}', '203.0.113.{}', '10.0.4.{}', '192.168.1.{}']).format(r.randrange(1, 255))
def ipv6(r):
    return r.choice([f'2001:db8:{r.randrange(65536):x}::{r.randrange(1, 65536):x}', '2001:db8:' + ':'.join(f'{r.randrange(65536):x}' for _ in range(6)), f'fe80::{r.randrange(65536):x}:{r.randrange(65536):x}:{r.randrange(65536):x}:{r.randrange(65536):x}'])
def url_user(r): return f'{r.choice(["https", "ftp", "postgres", "smb"])}://{ascii_of(person(r)[0]).lower()}:{letters(r, 9, string.ascii_letters + DIGITS)}@host.example/path'
def vin(r):
    alphabet = 'ABCDEFGHJKLMNPRSTUVWXYZ' + DIGITS
    values = dict(zip('ABCDEFGHJKLMNPRSTUVWXYZ', [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9]))
    body = r.choice(['1HG', '1FT', '2T1', '3VW', '5YJ']) + letters(r, 5, alphabet) + '0' + letters(r, 2, alphabet) + digits(r, 6)
    total = sum((values.get(c) or int(c if c.isdigit() else 0)) * w for c, w in zip(body, [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]))
    return body[:8] + '0123456789X'[total % 11] + body[9:]
def plate_gb(r): return letters(r, 2, 'ABCDEFGHJKLMNPRSTUVWXY') + f'{r.randrange(51, 75)}' + r.choice([' ', '']) + letters(r, 3, 'ABCDEFGHJKLMNPRSTUVWXYZ')
def plate_de(r): return f'{r.choice(["B", "HH", "M", "KÖ", "FFB"])}-{letters(r, r.choice([1, 2]))} {r.randrange(1, 9999)}'
def plate_fr(r): return f'{letters(r, 2, "ABCDEFGHJKLMNPQRSTVWXYZ")}-{digits(r, 3)}-{letters(r, 2, "ABCDEFGHJKLMNPQRSTVWXYZ")}'
def coordinates(r): return f'{r.uniform(-89, 89):.{r.choice([4, 5, 6])}f}, {r.uniform(-179, 179):.{r.choice([4, 5, 6])}f}'
def bitcoin(r):
    payload = bytes([r.choice([0, 5])]) + bytes(r.randrange(256) for _ in range(20))
    payload += hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    n, out = int.from_bytes(payload, 'big'), ''
    while n:
        n, d = divmod(n, 58)
        out = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'[d] + out
    return '1' * (len(payload) - len(payload.lstrip(b'\0'))) + out
def bech32(r):
    charset, data = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l', [0] + [r.randrange(32) for _ in range(32)]
    def polymod(values):
        chk = 1
        for v in values:
            top = chk >> 25
            chk = (chk & 0x1ffffff) << 5 ^ v
            for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
                chk ^= g if top >> i & 1 else 0
        return chk
    hrp = [ord(c) >> 5 for c in 'bc'] + [0] + [ord(c) & 31 for c in 'bc']
    check = polymod(hrp + data + [0] * 6) ^ 1
    return 'bc1' + ''.join(charset[d] for d in data + [check >> 5 * (5 - i) & 31 for i in range(6)])
def ethereum(r): return '0x' + letters(r, 40, DIGITS + 'abcdef')


# ---- secrets -------------------------------------------------------------------------------------------------------
ALNUM = string.ascii_letters + DIGITS
def token(r):
    return r.choice([lambda: 'AKIA' + letters(r, 16, UPPER + '234567'), lambda: 'ghp_' + letters(r, 36, ALNUM), lambda: 'glpat-' + letters(r, 20, ALNUM),
                     lambda: f'xoxb-{digits(r, 12)}-{digits(r, 12)}-{letters(r, 24, ALNUM)}', lambda: 'sk_live_' + letters(r, 24, ALNUM), lambda: 'AIza' + letters(r, 35, ALNUM + '-_'),
                     lambda: 'npm_' + letters(r, 36, ALNUM), lambda: f'SG.{letters(r, 22, ALNUM)}.{letters(r, 43, ALNUM)}', lambda: 'hf_' + letters(r, 34, string.ascii_letters)])()
def jwt(r):
    part = lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')
    return part('{"alg":"HS256","typ":"JWT"}') + '.' + part('{"sub":"%s","iat":%d}' % (digits(r, 10), r.randrange(10 ** 9, 2 * 10 ** 9))) + '.' + letters(r, 43, ALNUM + '-_')
def password(r): return r.choice(['Sommer', 'Tiger', 'blue', 'qwert', 'Kaffee']) + digits(r, 3) + r.choice('!#?$%') + letters(r, r.randrange(0, 4), string.ascii_lowercase)


# ---- dates of birth ---------------------------------------------------------------------------------------------------
MONTHS = {'en': 'January February March April May June July August September October November December'.split(), 'de': 'Januar Februar März April Mai Juni Juli August September Oktober November Dezember'.split(),
          'fr': 'janvier février mars avril mai juin juillet août septembre octobre novembre décembre'.split(), 'es': 'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split()}
def birth(r, lang='en'):
    d = date(r, 1930, 2010)
    month = MONTHS[lang][d.month - 1]
    long = {'en': [f'{d.day} {month} {d.year}', f'{month} {d.day}, {d.year}'], 'de': [f'{d.day}. {month} {d.year}'], 'fr': [f'{d.day} {month} {d.year}'], 'es': [f'{d.day} de {month} de {d.year}']}[lang]
    return r.choice([f'{d:%d/%m/%Y}', f'{d:%d.%m.%Y}', f'{d:%Y-%m-%d}', f'{d.day}.{d.month}.{d.year}', f'{d:%m/%d/%Y}', f'{d:%d-%m-%Y}', f'{d:%d.%m.%y}'] + long)


# ---- addresses ---------------------------------------------------------------------------------------------------------
def address_en(r):
    street = r.choice(['Harbour', 'Mill', 'Station', 'Cedar', 'Willow Creek', 'Kingsley', 'Old Quarry']) + ' ' + r.choice(['Street', 'Road', 'Avenue', 'Lane', 'Drive', 'St', 'Rd', 'Ave', 'Close', 'Crescent', 'Court'])
    unit = r.choice(['', '', f', Apt {r.randrange(1, 90)}', f' Suite {r.randrange(100, 900)}', f', Flat {r.randrange(1, 30)}'])
    city = r.choice([f', Springvale, {r.choice(["CO", "TX", "NY", "CA", "OH"])} {digits(r, 5)}', f', Testville {postcode_gb(r)}', ''])
    return f'{r.randrange(1, 2000)} {street}{unit}{city}'
def address_de(r): return f'{r.choice(["Hauptstraße", "Bahnhofstr.", "Lindenweg", "Goetheplatz", "Mühlengasse", "Berliner Allee"])} {r.randrange(1, 200)}{r.choice(["", "a", "b"])}, {r.randrange(10000, 99999)} {r.choice(["Musterstadt", "Neudorf", "Altenberg"])}'
def address_fr(r): return f'{r.randrange(1, 200)}{r.choice(["", " bis"])} {r.choice(["rue de la Paix", "avenue Victor Hugo", "boulevard Saint-Michel", "place du Marché", "chemin des Vignes"])}, {r.randrange(10000, 95999)} {r.choice(["Villeneuve", "Montclair"])}'
def address_es(r): return f'{r.choice(["Calle Mayor", "Avenida de la Constitución", "Plaza de España", "C/ Alcalá"])} {r.randrange(1, 200)}, {r.randrange(10000, 52999)} {r.choice(["Villanueva", "Ciudad Real"])}'
def address_it(r): return f'{r.choice(["Via Roma", "Corso Garibaldi", "Piazza Mazzini", "Viale dei Tigli"])} {r.randrange(1, 200)}, {r.randrange(10000, 98999)} {r.choice(["Torino", "Bologna"])}'
def address_nl(r): return f'{r.choice(["Keizersgracht", "Dorpsstraat", "Molenweg", "Beatrixlaan", "Marktplein"])} {r.randrange(1, 400)}, {r.randrange(1000, 9999)} {letters(r, 2, "ABCDEGHJKLM")} {r.choice(["Amsterdam", "Utrecht"])}'
def address_pl(r): return f'ul. {r.choice(["Długa", "Mickiewicza", "Polna", "Słoneczna"])} {r.randrange(1, 90)}/{r.randrange(1, 60)}, {digits(r, 2)}-{digits(r, 3)} {r.choice(["Warszawa", "Kraków"])}'
def postcode_gb(r): return r.choice(['TV{} {}', 'M{} {}', 'SW{}A {}', 'LS{} {}']).format(r.randrange(1, 10), f'{r.randrange(1, 10)}{letters(r, 2, "ABDEFGHJLNPQRSTUWXYZ")}')
def postcode_ca(r):
    a = 'ABCEGHJKLMNPRSTVXY'
    return f'{r.choice(a)}{digits(r, 1)}{r.choice(a)} {digits(r, 1)}{r.choice(a)}{digits(r, 1)}'
