#!/usr/bin/env python3
"""corpus.py OUT [--seed N] [--each N] - writes a corpus of synthetic personal data into folder OUT

OUT/in/ID.txt ... what is to be masked; OUT/gold.jsonl: one line a file: {"id", "file", "encoding", "group", "text", "spans": [[start, end, class, kind]]}, places in
characters of the text; OUT/known: identities of the record. The same seed gives the same bytes. Groups: a kind's id for files with values;
"look-alike:...", "prose:...", "code:..." for files in which nothing is to be masked.
"""
import argparse, base64, json, os, quopri, random, string
import values as v

# What people write in front of a value; {v} is the value. A kind that is sure by itself has sentences without a label as well.
SURE = ['{v}', 'I wrote down {v} and filed it.', 'As agreed: {v}.', 'Please use {v} from now on', 'see {v} in the list', '- {v}', '({v})', 'old: {v} / closed', 'Danke, {v} ist notiert.', 'On a noté {v} hier.']
LABEL = ['{l}: {v}', '{l} {v}', 'His {l} is {v}.', 'My {l} is {v}, please check.', 'The {l} ({v}) was wrong.', '{l} = {v}', '{l} - {v}', 'Customer gave {l} {v} at the counter.', '- {l}: {v}']

KINDS = [  # kind, class, value, labels ('' for a class that is sure), share
    ('email', 'email', v.email, None, 6), ('card', 'card', v.card, None, 6), ('iban', 'iban', v.iban, None, 6), ('ipv4', 'ip', v.ipv4, None, 2), ('ipv6', 'ip', v.ipv6, None, 2), ('mac', 'mac', v.mac, None, 3),
    ('url-user', 'url-credentials', v.url_user, None, 3), ('bitcoin', 'crypto-address', v.bitcoin, None, 1), ('bech32', 'crypto-address', v.bech32, None, 1), ('ethereum', 'crypto-address', v.ethereum, None, 1),
    ('jwt', 'secret', v.jwt, None, 1), ('token', 'secret', v.token, None, 3), ('coordinates', 'location', v.coordinates, None, 2), ('ssn', 'national-id', v.ssn, None, 2), ('card-track', 'card-track', v.track2, None, 1),
    ('codice-fiscale', 'tax-id', v.codice_fiscale, None, 2), ('aadhaar', 'national-id', v.aadhaar, None, 2), ('dni', 'national-id', v.dni, None, 1), ('nie', 'national-id', v.nie, None, 1), ('vin', 'vin', v.vin, None, 1),
    ('phone-us', 'phone', v.phone_us, ['phone', 'cell', 'mobile', 'phone number', 'call me at', 'Tel.', 'fax'], 4), ('phone-gb', 'phone', v.phone_gb, ['phone', 'mobile', 'tel', 'ring me on', 'telephone'], 4),
    ('phone-de', 'phone', v.phone_de, ['Telefon', 'Tel.', 'Handy', 'Mobil', 'Rufnummer', 'Fax'], 4), ('phone-fr', 'phone', v.phone_fr, ['téléphone', 'tél.', 'portable', 'numéro de téléphone'], 3), ('phone-es', 'phone', v.phone_es, ['teléfono', 'móvil', 'tel.'], 2),
    ('phone-it', 'phone', v.phone_it, ['telefono', 'cellulare', 'tel.'], 2), ('phone-nl', 'phone', v.phone_nl, ['telefoon', 'mobiel', 'tel.'], 2), ('phone-pl', 'phone', v.phone_pl, ['telefon', 'komórka', 'tel.'], 2), ('phone-ie', 'phone', v.phone_ie, ['phone', 'mobile'], 1),
    ('phone-in', 'phone', v.phone_in, ['mobile', 'phone', 'contact number'], 2), ('phone-au', 'phone', v.phone_au, ['phone', 'mobile'], 2), ('phone-br', 'phone', v.phone_br, ['telefone', 'celular'], 2),
    ('us-itin', 'tax-id', v.itin, ['ITIN', 'taxpayer number'], 1), ('us-ein', 'tax-id', v.ein, ['EIN', 'employer identification number'], 1), ('ca-sin', 'national-id', v.sin, ['SIN', 'social insurance number'], 1), ('gb-nino', 'national-id', v.nino, ['National Insurance number', 'NINO', 'NI number'], 2),
    ('gb-nhs', 'health-id', v.nhs, ['NHS number', 'NHS no'], 2), ('gb-utr', 'tax-id', v.utr, ['UTR', 'tax reference'], 1), ('de-steuer-id', 'tax-id', v.steuer_id, ['Steuer-ID', 'Steueridentifikationsnummer', 'IdNr.'], 2),
    ('de-rvnr', 'national-id', v.rvnr, ['Sozialversicherungsnummer', 'Rentenversicherungsnummer', 'SV-Nummer'], 1), ('de-ausweis', 'national-id', v.personalausweis, ['Personalausweis', 'Ausweisnummer', 'Personalausweisnummer'], 1), ('de-kvnr', 'health-id', v.kvnr, ['Krankenversichertennummer', 'KVNR', 'Versichertennummer'], 1),
    ('fr-nir', 'national-id', v.nir, ['numéro de sécurité sociale', 'NIR', 'n° de sécu'], 2), ('nl-bsn', 'national-id', v.bsn, ['BSN', 'burgerservicenummer'], 1), ('be-rrn', 'national-id', v.rijksregister, ['rijksregisternummer', 'numéro national'], 1), ('pl-pesel', 'national-id', v.pesel, ['PESEL', 'numer PESEL'], 1), ('pl-nip', 'tax-id', v.nip, ['NIP'], 1),
    ('se-personnummer', 'national-id', v.personnummer, ['personnummer', 'pnr'], 1), ('fi-hetu', 'national-id', v.hetu, ['henkilötunnus', 'hetu'], 1), ('dk-cpr', 'national-id', v.cpr, ['CPR-nummer', 'CPR'], 1), ('no-fnr', 'national-id', v.fodselsnummer, ['fødselsnummer', 'personnummer'], 1),
    ('in-pan', 'tax-id', v.pan, ['PAN', 'PAN card', 'PAN number'], 1), ('sg-nric', 'national-id', v.nric, ['NRIC', 'FIN'], 1), ('au-tfn', 'tax-id', v.tfn, ['TFN', 'tax file number'], 1), ('br-cpf', 'tax-id', v.cpf, ['CPF'], 2), ('br-cnpj', 'tax-id', v.cnpj, ['CNPJ'], 1), ('ie-ppsn', 'national-id', v.ppsn, ['PPSN', 'PPS number'], 1),
    ('ch-ahv', 'national-id', v.ahv, ['AHV-Nummer', 'AHV'], 1), ('at-svnr', 'national-id', v.svnr, ['Sozialversicherungsnummer', 'SVNR'], 1), ('mx-curp', 'national-id', v.curp, ['CURP'], 1), ('cn-id', 'national-id', v.cn_id, ['resident ID', 'national ID number'], 1), ('za-id', 'national-id', v.za_id, ['ID number', 'identity number'], 1),
    ('hr-oib', 'tax-id', v.oib, ['OIB'], 1), ('pt-nif', 'tax-id', v.nif_pt, ['NIF', 'contribuinte'], 1), ('it-piva', 'tax-id', v.partita_iva, ['partita IVA', 'P.IVA'], 1),
    ('passport-us', 'passport', v.passport_us, ['passport number', 'passport no.', 'US passport'], 1), ('passport-gb', 'passport', v.passport_gb, ['passport', 'passport number'], 1), ('passport-de', 'passport', v.passport_de, ['Reisepass', 'Reisepassnummer', 'Passnummer'], 1), ('passport-fr', 'passport', v.passport_fr, ['passeport', 'numéro de passeport'], 1), ('passport-in', 'passport', v.passport_in, ['passport number'], 1),
    ('licence-gb', 'driving-licence', v.licence_gb, ['driving licence', 'driving licence number'], 1), ('licence-us', 'driving-licence', v.licence_us, ["driver's license", 'DL number', 'license number'], 1), ('licence-de', 'driving-licence', v.licence_de, ['Führerschein', 'Führerscheinnummer'], 1),
    ('us-npi', 'health-id', v.npi, ['NPI'], 1), ('us-mbi', 'health-id', v.mbi, ['Medicare number', 'MBI'], 1), ('mrn', 'health-id', v.mrn, ['MRN', 'medical record number', 'patient ID'], 1),
    ('aba', 'bank-account', v.aba, ['routing number', 'ABA'], 1), ('sort-code', 'bank-account', v.sort_code, ['sort code'], 1), ('account-gb', 'bank-account', v.account_gb, ['account number', 'account no'], 1), ('account-us', 'bank-account', v.account_us, ['account number', 'checking account', 'acct'], 1), ('clabe', 'bank-account', v.clabe, ['CLABE'], 1), ('bsb', 'bank-account', v.bsb, ['BSB'], 1), ('ifsc', 'bank-account', v.ifsc, ['IFSC', 'IFSC code'], 1),
    ('card-pin', 'card-pin', v.card_pin, ['PIN', 'card PIN'], 1), ('cvv', 'card-security-code', v.cvv, ['CVV', 'CVC', 'security code'], 1),
    ('imei', 'imei', v.imei, ['IMEI'], 2), ('iccid', 'imei', v.iccid, ['ICCID', 'SIM number'], 1),
    ('plate-gb', 'plate', v.plate_gb, ['registration', 'number plate', 'reg no'], 1), ('plate-de', 'plate', v.plate_de, ['Kennzeichen', 'amtliches Kennzeichen'], 1), ('plate-fr', 'plate', v.plate_fr, ['immatriculation', "plaque d'immatriculation"], 1),
    ('password', 'password', v.password, ['password', 'Passwort', 'pwd', 'Kennwort', 'mot de passe', 'contraseña'], 3),
    ('postcode-gb', 'postcode', v.postcode_gb, ['postcode', 'post code'], 1), ('postcode-ca', 'postcode', v.postcode_ca, ['postal code'], 1),
]
BIRTH = {'en': ['date of birth', 'DOB', 'born', 'born on', 'birthday', 'birth date'], 'de': ['Geburtsdatum', 'geboren am', 'geb.', 'Geburtstag'], 'fr': ['né le', 'née le', 'date de naissance'], 'es': ['fecha de nacimiento', 'nacido el']}
ADDRESS = [('en', v.address_en), ('de', v.address_de), ('fr', v.address_fr), ('es', v.address_es), ('it', v.address_it), ('nl', v.address_nl), ('pl', v.address_pl)]
ADDRESS_SENTENCES = ['He lives at {v}.', 'Deliver to {v}', '{v}', 'Address: {v}', 'Ship it to\n{v}\nby Friday.']
NAME_SENTENCES = ['Please call {v} back tomorrow.', '{v} brought it in.', 'It was returned by {v}, unopened.', 'Dear {v},', 'Best regards,\n{v}', 'cc {v}', 'Bitte {v} zurückrufen.', 'according to {v} it fell once', '{v}\n']

# ---- what nobody owns ---------------------------------------------------------------------------------------------------------
def look_alikes(r):
    hexes = lambda n: v.letters(r, n, '0123456789abcdef')
    n = v.digits
    return {
        'epoch': lambda: f'ts={r.randrange(10 ** 9, 2 * 10 ** 9)} done', 'epoch-ms': lambda: f'{{"time":{r.randrange(10 ** 12, 2 * 10 ** 12)},"ok":true}}', 'uuid': lambda: f'request {hexes(8)}-{hexes(4)}-4{hexes(3)}-a{hexes(3)}-{hexes(12)} finished',
        'oid': lambda: f'OID 1.3.6.1.4.1.{r.randrange(1, 60000)}.{r.randrange(9)}.{r.randrange(99)}', 'version': lambda: f'upgraded to version {r.randrange(20)}.{r.randrange(20)}.{r.randrange(9999)}.{r.randrange(200)}', 'sha1': lambda: f'commit {hexes(40)}', 'sha256': lambda: f'{hexes(64)}  image.iso', 'md5': lambda: f'md5 {hexes(32)}',
        'isbn': lambda: f'ISBN 978-{n(r, 1)}-{n(r, 4)}-{n(r, 4)}-{n(r, 1)}', 'ean': lambda: f'barcode {n(r, 13)}', 'part': lambda: f'part {v.letters(r, 2)}{n(r, 4)}-{v.letters(r, 1)}{n(r, 2)} fits', 'order': lambda: f'order {n(r, 8)} was shipped', 'invoice': lambda: f'Rechnung RE-2026-{n(r, 5)}', 'ticket': lambda: f'see #{n(r, 6)} and JIRA-{n(r, 4)}',
        'price': lambda: f'total 1,{n(r, 3)}.{n(r, 2)} EUR', 'date-file': lambda: f'IMG_2026{r.randrange(1, 13):02d}{r.randrange(1, 29):02d}_{n(r, 6)}.jpg', 'backup': lambda: f'backup-2026-0{r.randrange(1, 9)}-1{r.randrange(9)}-{n(r, 6)}.tar.gz', 'time': lambda: f'from {r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d} on', 'iso': lambda: f'2026-03-0{r.randrange(1, 9)}T{r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d}.{n(r, 3)}Z started',
        'size': lambda: f'{n(r, 7)} bytes in {n(r, 3)} blocks', 'hexdump': lambda: f'0000{hexes(4)}  {" ".join(hexes(2) for _ in range(16))}', 'decimal': lambda: f'mean 0.{n(r, 8)} sd {r.random():.6f}', 'ratio': lambda: f'{r.randrange(10, 99)}-{r.randrange(10, 99)} in set {r.randrange(9)}', 'phone-like': lambda: f'build {n(r, 4)}.{n(r, 4)}.{n(r, 2)}', 'range': lambda: f'pages {r.randrange(100, 400)}-{r.randrange(400, 900)}', 'sku': lambda: f'SKU {v.letters(r, 3)}-{n(r, 3)}-{v.letters(r, 2)}',
        'tracking': lambda: f'parcel 1Z{v.letters(r, 6, string.ascii_uppercase + string.digits)}{n(r, 10)}', 'matrix': lambda: '  '.join(n(r, 4) for _ in range(6)), 'css': lambda: f'color: #{hexes(6)}; margin: {r.randrange(99)}px', 'pointer': lambda: f'at 0x{hexes(12)} in free()', 'scope': lambda: f'npm i @types/node@{r.randrange(20)}.{r.randrange(20)}.{r.randrange(20)}', 'retina': lambda: f'icon@2x.png and logo@3x.png', 'handle': lambda: 'thanks @bluebird and @printshop', 'std': lambda: 'std::vector<std::string> a::b::c', 'section': lambda: f'Section {r.randrange(1, 40)}.{r.randrange(9)}, paragraph {r.randrange(9)}',
    }


PROSE = {'en': 'the|printer|is|still|out|of|toner|and|nobody|has|been|to|see|it|since|we|moved|the|boxes|into|the|kitchen|after|lunch|there|was|a|long|talk|about|invoices|for|paint|windows|and|the|river|path|which|will|open|in|may|or|june|if|the|weather|holds|section|twelve|says|that|all|doors|must|close|by|themselves|the|market|on|monday|was|full|of|people|selling|old|books|a|street|musician|played|and|the|road|home|seemed|short',
         'de': 'der|Drucker|hat|keinen|Toner|mehr|und|niemand|war|seit|dem|Umzug|da|die|Kisten|stehen|in|der|Küche|nach|dem|Mittag|gab|es|ein|langes|Gespräch|über|Rechnungen|für|Farbe|Fenster|und|den|Weg|am|Fluss|der|im|Mai|oder|Juni|öffnet|wenn|das|Wetter|hält|der|Abschnitt|zwölf|sagt|alle|Türen|schließen|von|selbst|der|Markt|am|Montag|war|voll|die|Straße|war|kurz',
         'fr': "l'imprimante|est|en|panne|et|personne|ne|vient|depuis|le|déménagement|les|boîtes|sont|dans|la|cuisine|après|midi|nous|avons|parlé|des|factures|de|la|peinture|des|fenêtres|et|du|chemin|au|bord|de|la|rivière|qui|ouvre|en|mai|ou|juin|si|le|temps|le|permet|la|rue|était|calme|le|marché|du|lundi|était|plein",
         'es': 'la|impresora|sigue|sin|tóner|y|nadie|ha|venido|desde|la|mudanza|las|cajas|están|en|la|cocina|después|de|comer|hablamos|de|facturas|de|pintura|de|ventanas|y|del|camino|del|río|que|abre|en|mayo|o|junio|si|hace|buen|tiempo|la|calle|estaba|tranquila|el|mercado|del|lunes|estaba|lleno'}
PLACES = ['Paris', 'Victoria', 'Florence', 'Georgia', 'Jordan', 'Washington', 'Austin', 'Chelsea', 'Lincoln', 'Madison', 'Sydney', 'Charlotte', 'Dallas', 'Kent', 'Hamburg', 'Mark', 'May', 'Will', 'Grace', 'Bill', 'Rose', 'Chase', 'Art', 'Frank']
THINGS = ['{p} is lovely in spring.', 'The {p} branch opens at nine.', 'We ship to {p} on Mondays.', 'The meeting in {p} was moved.', 'Visit the {p} office.', 'In {p} it rains.']


def prose(r):
    lang = r.choice(list(PROSE))
    words, out = PROSE[lang].split('|'), []
    for _ in range(r.randrange(4, 12)):
        start = r.randrange(len(words) - 12)
        sentence = ' '.join(words[start:start + r.randrange(6, 12)])
        out.append(sentence[0].upper() + sentence[1:] + '.')
    return ' '.join(out)


CODE = ['for (size_t i = 0; i < count; i++)\n\tsum += items[i].length;', 'def name_of(user):\n    return user.name or "unknown"', 'class PhoneNumber(models.Model):\n    number = models.CharField(max_length=32)\n    email = models.EmailField(unique=True)', 'password: str = Field(min_length=8)', 'const address = await resolve(hostname);', 'name: nginx\nimage: nginx:1.27.3\nports:\n  - "8080:80"',
        'SELECT id, name, email, phone FROM customers WHERE created_at > now() - interval \'30 days\';', 'if (!password) throw new Error("password is required");', '#define ADDRESS_MASK 0xfffff000u', 'key: value\ntype: string\nlocation: /usr/share/doc', 'export PATH=/usr/local/bin:$PATH', 'git log --format=%H --author-date-order -n 20', 'printf("%-20s %s\\n", name, phone);', '<label for="email">E-mail</label><input id="email" name="email" type="text">', 'user = get_user(request)\nuser.first_name = form.cleaned_data["first_name"]',
        '{"type": "object", "properties": {"name": {"type": "string"}, "phone": {"type": "string"}}, "required": ["name"]}', 'import { Name, Address } from "./types";', 'logger.info("sending mail to %s", recipient)', '[package]\nname = "walker"\nversion = "0.3.1"\nedition = "2021"', 'ALTER TABLE person ADD COLUMN date_of_birth date;', '#include <net/if_arp.h>\nstatic const char *const names[] = {"eth0", "lo"};', 'margin: 0 auto; padding: 12px 16px; color: #1a2b3c;', 'Exec=/usr/bin/viewer %f\nName=Viewer\nIcon=viewer', 'secret = os.environ["SECRET"]', 'token: ${{ secrets.GITHUB_TOKEN }}', 'var phone = document.getElementById("phone").value;']


# ---- records --------------------------------------------------------------------------------------------------------------
class Corpus:
    def __init__(self, out, seed, each):
        self.r, self.out, self.each = random.Random(seed), out, each
        self.count = 0
        os.makedirs(f'{out}/in', exist_ok=True)
        self.gold = open(f'{out}/gold.jsonl', 'w', encoding='utf-8')

    def add(self, group, text, spans, suffix='.txt', encoding='utf-8', data=None):
        self.count += 1
        name = f'{self.count:06d}{suffix}'
        with open(f'{self.out}/in/{name}', 'wb') as f:
            f.write(text.encode('utf-8') if data is None else data)
        json.dump({'id': self.count, 'file': name, 'encoding': encoding, 'group': group, 'text': text, 'spans': spans}, self.gold, ensure_ascii=False)
        self.gold.write('\n')

    def sentence(self, template, value, cls, kind, **words):
        head, tail = template.split('{v}')
        head, tail = head.format(**words), tail.format(**words)
        before, after = ('', '')
        if self.r.random() < .5:
            before, after = prose(self.r) + '\n', '\n' + prose(self.r)
        text = before + head + value + tail + after
        start = len(before) + len(head)
        return text, [[start, start + len(value), cls, kind]]

    def kinds(self):
        for kind, cls, make, labels, share in KINDS:
            for _ in range(self.each * share):
                value = make(self.r)
                template = self.r.choice(SURE if labels is None else LABEL)
                self.add(kind, *self.sentence(template, value, cls, kind, l=self.r.choice(labels) if labels else ''))

    def births(self):
        for lang, labels in BIRTH.items():
            for _ in range(self.each * 2):
                self.add('birth', *self.sentence(self.r.choice(['{l}: {v}', '{l} {v}', '- {l} {v}', 'Customer, {l} {v}, asked.']), v.birth(self.r, lang), 'date-of-birth', 'birth', l=self.r.choice(labels)))

    def addresses(self):
        for lang, make in ADDRESS:
            for _ in range(self.each):
                self.add('address-' + lang, *self.sentence(self.r.choice(ADDRESS_SENTENCES), make(self.r), 'address', 'address-' + lang))

    def names(self):
        people = [v.person(self.r) for _ in range(200)]
        with open(f'{self.out}/known', 'w', encoding='utf-8') as f:
            for given, family in people:
                f.write(f'name {given} {family}\n')
        for _ in range(self.each * 8):
            given, family = self.r.choice(people)
            shape = self.r.choice(['{g} {f}', '{f}, {g}', '{i}. {f}', '{G} {F}', '{g} {f}', '{l}', '{a} {b}'])
            value = shape.format(g=given, f=family, i=given[0], G=given.upper(), F=family.upper(), l=f'{given.lower()} {family.lower()}', a=v.ascii_of(given), b=v.ascii_of(family))
            self.add('name-known', *self.sentence(self.r.choice(NAME_SENTENCES), value, 'name', 'name-known'))
        for _ in range(self.each * 2):
            given, family = v.person(self.r)
            given, family = self.r.choice(['Rowena', 'Leopold', 'Annelise', 'Fergus', 'Matilda', 'Thaddeus']), self.r.choice(['Quillfeather', 'Brackenridge', 'Oswaldsen', 'Hollingberry'])
            self.add('name-unknown', *self.sentence(self.r.choice(NAME_SENTENCES), f'{given} {family}', 'name', 'name-unknown'))

    def encodings(self):
        for kind, cls, make in (('email', 'email', v.email), ('card', 'card', v.card), ('iban', 'iban', v.iban)):
            for encoding in ('utf-16-le', 'utf-16-be', 'latin-1', 'qp', 'base64'):
                for _ in range(self.each):
                    text, spans = self.sentence(self.r.choice(SURE[:8]), make(self.r), cls, kind)
                    if encoding == 'latin-1':
                        text = text.encode('latin-1', 'ignore').decode('latin-1')
                    head = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n'
                    data = {'utf-16-le': lambda: b'\xff\xfe' + text.encode('utf-16-le'), 'utf-16-be': lambda: b'\xfe\xff' + text.encode('utf-16-be'), 'latin-1': lambda: text.encode('latin-1'),
                            'qp': lambda: (head % 'quoted-printable').encode() + quopri.encodestring(text.encode()), 'base64': lambda: (head % 'base64').encode() + base64.encodebytes(text.encode())}[encoding]()
                    self.add(f'encoded:{encoding}:{kind}', text, spans, '.eml' if encoding in ('qp', 'base64') else '.txt', encoding, data)

    def fields(self):
        columns = [('order_id', None, lambda r: v.digits(r, 6)), ('full_name', 'name', lambda r: ' '.join(v.person(r))), ('email', 'email', v.email), ('phone', 'phone', v.phone_gb), ('date_of_birth', 'date-of-birth', v.birth), ('address', 'address', v.address_en), ('iban', 'iban', v.iban), ('note', None, lambda r: 'left at the door')]
        for n in range(self.each):
            rows = [[make(self.r) for _, _, make in columns] for _ in range(self.r.randrange(2, 6))]
            for build, suffix in ((self.csv, '.csv'), (self.json, '.json'), (self.xml, '.xml')):
                self.add('fields:' + suffix[1:], *build(columns, rows), suffix)

    def pieces(self, parts):
        """[(text, class or None)] as a text with its spans"""
        text, spans = '', []
        for piece, cls in parts:
            if cls and piece:
                spans.append([len(text), len(text) + len(piece), cls, 'field'])
            text += piece
        return text, spans

    def csv(self, columns, rows):
        parts = [(','.join(c[0] for c in columns) + '\r\n', None)]
        for row in rows:
            for i, (value, column) in enumerate(zip(row, columns)):
                parts += [('"' if ',' in value else '', None), (value, column[1]), (('"' if ',' in value else '') + ('\r\n' if i == len(row) - 1 else ','), None)]
        return self.pieces(parts)

    def json(self, columns, rows):
        parts = [('[', None)]
        for n, row in enumerate(rows):
            parts.append((('' if n == 0 else ',') + '\n  {', None))
            for i, (value, column) in enumerate(zip(row, columns)):
                parts += [(('' if i == 0 else ', ') + f'"{column[0]}": "', None), (value, column[1]), ('"', None)]
            parts.append(('}', None))
        return self.pieces(parts + [('\n]\n', None)])

    def xml(self, columns, rows):
        parts = [('<?xml version="1.0"?>\n<customers>\n', None)]
        for row in rows:
            parts.append(('  <customer>', None))
            for value, column in zip(row, columns):
                parts += [(f'<{column[0]}>', None), (value.replace('&', '+'), column[1]), (f'</{column[0]}>', None)]
            parts.append(('</customer>\n', None))
        return self.pieces(parts + [('</customers>\n', None)])

    def nothing(self):
        kinds = look_alikes(self.r)
        for name, make in sorted(kinds.items()):
            for _ in range(self.each):
                self.add('look-alike:' + name, make() + '\n', [])
        for _ in range(self.each * 10):
            self.add('prose:words', prose(self.r) + '\n', [])
        for _ in range(self.each * 2):
            self.add('prose:places', ' '.join(self.r.choice(THINGS).format(p=self.r.choice(PLACES[:14])) for _ in range(3)) + '\n', [])
        for _ in range(self.each * 3):
            self.add('code:snippets', '\n'.join(self.r.sample(CODE, 4)) + '\n', [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--each', type=int, default=100, help='values of the rarest kind')
    given = parser.parse_args()
    corpus = Corpus(given.out, given.seed, given.each)
    for part in (corpus.kinds, corpus.births, corpus.addresses, corpus.names, corpus.encodings, corpus.fields, corpus.nothing):
        part()
    print(f'{corpus.count} files in {given.out}')


if __name__ == '__main__':
    main()
