/* Official numbers that are no country's: machine-readable zones, and what is told by its label alone */
#include "policy/detect/kind.h"

#include <string.h>

#include "policy/detect/kinds/check.h"

/* ---- machine-readable zones (ICAO 9303-4, -5, -6) ------------------------------------------------------------- */

static bool is_zone_byte(uint8_t byte)
{
	return byte == '<' || text_is_digit(byte) || (byte >= 'A' && byte <= 'Z');
}

/* Where the line of @length characters that begins at @at ends; @at when there is none. */
static size_t zone_line(const struct text *text, size_t at, size_t length)
{
	if (at > text->length || length > text->length - at)
		return at;
	for (size_t i = 0; i < length; i++)
		if (!is_zone_byte(text->bytes[at + i]))
			return at;
	if (at + length < text->length && is_zone_byte(text->bytes[at + length]))
		return at;
	return at + length;
}

/* The next line begins behind a line end, an escaped one, or spaces. */
static size_t zone_next(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at < 4 && text->bytes[end] <= ' ')
		end++;
	if (end == at && end + 1 < text->length && text->bytes[end] == '\\' &&
	    text->bytes[end + 1] == 'n')
		end += 2;
	return end;
}

static bool is_checked(const struct text *text, size_t at, size_t count)
{
	uint8_t digit = text->bytes[at + count];

	return (text_is_digit(digit) || digit == '<') &&
	       check_icao((const char *)text->bytes + at, count) ==
		       (digit == '<' ? 0u : (unsigned)(digit - '0'));
}

/* TD3's second line is 44 characters, TD2's 36: number, country, birth, sex, expiry, and their check digits. */
static size_t zone_second(const struct text *text, size_t at)
{
	size_t end = zone_line(text, at, 44);

	if (end == at)
		end = zone_line(text, at, 36);
	if (end == at || !is_checked(text, at, 9) || !is_checked(text, at + 13, 6) ||
	    !is_checked(text, at + 21, 6))
		return at;
	return text_is_digit(text->bytes[at + 13]) ? end : at;
}

/* TD1: number in the first line, birth and expiry in the second, the name in the third. @at: the line's first character. */
static size_t zone_card(const struct text *text, size_t at)
{
	size_t first = zone_line(text, at, 30), second, third, end;

	if (first == at || !memchr("IAC", text->bytes[at], 3))
		return at;
	second = zone_next(text, first);
	end = zone_line(text, second, 30);
	if (second == first || end == second || !is_checked(text, second, 6) ||
	    !is_checked(text, second + 8, 6) || !text_is_digit(text->bytes[second]))
		return at;
	third = zone_next(text, end);
	return third > end && zone_line(text, third, 30) > third ? third + 30 : end;
}

static size_t match_zone(const struct text *text, size_t at)
{
	size_t end;

	/* The shortest line has thirty: hardly any word is in one, which one byte tells. */
	if (at + 28 > text->length || !is_zone_byte(text->bytes[at + 27]))
		return at;
	if (at > 0 && is_zone_byte(text->bytes[at - 1]) && text->bytes[at - 1] != '<')
		return at;
	/* The word behind "I<" is where the scanner stops first. */
	if (at >= 2 && text->bytes[at - 1] == '<') {
		end = zone_card(text, at - 2);
		return end > at - 2 ? end : at;
	}
	end = zone_second(text, at);
	return end > at ? end : zone_card(text, at);
}

/* ---- whatever stands behind a label ------------------------------------------------------------------------------ */

/* Letters and digits with single '-' or '/' between. */
struct token {
	size_t end;
	unsigned digits, letters, groups;
	uint8_t size[4]; /* of the first groups */
};

static void read_token(const struct text *text, size_t at, struct token *out)
{
	unsigned size = 0;

	*out = (struct token){.end = at, .groups = 1};
	for (size_t i = at; i < text->length && i - at < 40; i++) {
		uint8_t byte = text->bytes[i];

		if (!text_is_alnum(byte)) {
			if ((byte != '-' && byte != '/') || i + 1 >= text->length ||
			    !text_is_alnum(text->bytes[i + 1]) || i == at)
				break;
			size = 0;
			out->groups++;
			continue;
		}
		out->digits += text_is_digit(byte);
		out->letters += !text_is_digit(byte);
		size++;
		if (out->groups <= 4)
			out->size[out->groups - 1] = (uint8_t)BL_MIN(size, 255u);
		out->end = i + 1;
	}
}

static bool is_date(const struct token *token)
{
	if (token->groups != 3 || token->letters)
		return false;
	return (token->size[0] == 4 && token->size[1] <= 2 && token->size[2] <= 2) ||
	       (token->size[0] <= 2 && token->size[1] <= 2 &&
		(token->size[2] == 4 || token->size[2] == 2));
}

/* Letters and digits, or digits, as numbers of documents are; no date, phone, address of the net, amount or version. */
static size_t match_document(const struct text *text, size_t at, unsigned least, unsigned most)
{
	struct token token;
	uint8_t before = at ? text->bytes[at - 1] : ' ';

	if (!text_is_alnum(text->bytes[at]) || !text_starts_word(text, at) ||
	    memchr("+@$/\\._%&?-", before, 11) || before >= 0x80)
		return at;
	read_token(text, at, &token);
	if (token.end == at || token.digits < least || token.digits + token.letters < 6 ||
	    token.digits + token.letters > most || token.groups > 5 || is_date(&token) ||
	    token.letters > token.digits + 2)
		return at;
	if (!text_ends_word(text, token.end))
		return at;
	if (token.end + 1 < text->length && memchr(".:,@_", text->bytes[token.end], 5) &&
	    text_is_alnum(text->bytes[token.end + 1]))
		return at;
	return token.end < text->length && memchr("@%=(", text->bytes[token.end], 4) ? at
										     : token.end;
}

static size_t match_passport(const struct text *text, size_t at)
{
	return match_document(text, at, 5, 12);
}

static size_t match_licence(const struct text *text, size_t at)
{
	return match_document(text, at, 5, 18);
}

static size_t match_identity(const struct text *text, size_t at)
{
	return match_document(text, at, 6, 20);
}

#define PASSPORT_LABELS                                                                                                                      \
	"passport|passports|passport no|passport number|passport nr|passport num|passport id|"                                               \
	"passport #|passport card|passport book|passeport|no de passeport|numéro de passeport|"                                             \
	"n° de passeport|n passeport|reisepass|reisepassnummer|reisepass "                                                                  \
	"nr|reisepassnr|passnummer|"                                                                                                         \
	"pass nr|passnr|pasaporte|número de pasaporte|no de pasaporte|pasaporte no|pasaporte nº|"                                          \
	"passaporto|numero di passaporto|passaporte|número do passaporte|número de passaporte|"                                            \
	"paspoort|paspoortnummer|paszport|numer paszportu|nr paszportu|passinumero|"                                                         \
	"passnumret|pasnummer|pasnr|vegabréf|útlevél|útlevélszám|cestovní pas|číslo "                                               \
	"pasu|pașaport|"                                                                                                                    \
	"паспорт|загранпаспорт|διαβατήριο|pasaport|pasaport no|护照|护照号码|旅券番号|여권번호|" \
	"جواز السفر|رقم جواز السفر|דרכון|מספר דרכון|travel document number"

#define LICENCE_LABELS                                                                                                                                        \
	"driver's license|driver's licence|drivers license|drivers licence|driver license|"                                                                   \
	"driver licence|driving licence|driving license|driver's license number|"                                                                             \
	"driver's licence number|drivers license number|driver license number|"                                                                               \
	"driving licence number|driving license number|driving licence no|driver's lic|drivers "                                                              \
	"lic|"                                                                                                                                                \
	"driver lic|driver's license no|drivers license no|license number|licence number|"                                                                    \
	"licence no|license no|license #|dl|dl #|dl no|dl num|dl number|dln|dlno|dmv|dvla|"                                                                   \
	"driver id|driver number|driver no|state id|state id number|state license|"                                                                           \
	"führerschein|führerscheinnummer|führerschein nr|führerscheinnr|fahrerlaubnis|"                                                                   \
	"fahrerlaubnisnummer|führerausweis|führerausweisnummer|führerausweis nr|permis|"                                                                   \
	"permis de conduire|numéro de permis|numéro de permis de conduire|no de permis|"                                                                    \
	"n° de permis|permiso de conducir|permiso de conducción|licencia de conducir|"                                                                      \
	"licencia de conducción|carnet de conducir|carné de conducir|licencia de manejo|"                                                                   \
	"número de licencia|patente di guida|patente|numero patente|numero di patente|"                                                                      \
	"carta de condução|carteira de motorista|cnh|rijbewijs|rijbewijsnummer|prawo jazdy|"                                                                \
	"numer prawa jazdy|körkort|körkortsnummer|ajokortti|ajokortin numero|kørekort|"                                                                    \
	"kørekortnummer|førerkort|førerkortnummer|řidičský průkaz|číslo řidičského průkazu|"                                                     \
	"vodičský preukaz|vezetői engedély|jogosítvány|permis de conducere|vozačka dozvola|"                                                           \
	"vozniško dovoljenje|sürücü belgesi|ehliyet|ehliyet no|водительское удостоверение|"                                      \
	"свідоцтво водія|посвідчення водія|δίπλωμα οδήγησης|άδεια οδήγησης|驾驶证|驾驶证号|" \
	"駕駛執照|免許証番号|운전면허번호|surat izin mengemudi|sim no|רישיון נהיגה|رخصة القيادة"

#define IDENTITY_LABELS                                                                                                              \
	"national id|national id number|national id no|national identification|"                                                     \
	"national identification number|national identity number|national identity|"                                                 \
	"national identity card|national id card|id number|id no|id card|id card number|"                                            \
	"id card no|identity card|identity card number|identity card no|identity number|"                                            \
	"identity no|identity document|identity document number|identification number|"                                              \
	"identification no|personal id|personal id number|personal identification number|"                                           \
	"personal identity number|personal number|personal code|government id|"                                                      \
	"government id number|government issued id|citizen id|citizen number|citizenship number|"                                    \
	"resident id|residence permit|residence permit number|residence card|"                                                       \
	"alien registration number|alien number|uscis number|green card|green card number|"                                          \
	"social insurance number|insurance number|voter id|voter registration number|"                                               \
	"military id|military id number|ausweis|ausweisnummer|ausweis nr|"                                                           \
	"personalausweis|personalausweisnummer|personalausweis nr|identitätskarte|"                                                 \
	"identitätskarten nr|id nummer|aufenthaltstitel|carte d'identité|"                                                         \
	"carte nationale d'identité|numéro de carte d'identité|numéro d'identité|"                                              \
	"pièce d'identité|titre de séjour|cni|documento de identidad|documento nacional|"                                         \
	"número de identificación|número de identidad|número de documento|cédula|"                                              \
	"cédula de identidad|carta d'identità|documento d'identità|numero documento|"                                             \
	"bilhete de identidade|documento de identidade|identiteitskaart|id kaart|dowód osobisty|"                                   \
	"numer dowodu|id kort|legitimation|henkilökortti|občanský průkaz|személyi igazolvány|"                                 \
	"carte de identitate|лична карта|удостоверение личности|ταυτότητα|kimlik no|kimlik|" \
	"kartu identitas|رقم الهوية|מספר זהות|身份证号|身分證字號"

#define TAX_LABELS                                                                                  \
	"tax id|tax id number|tax id no|taxid|tax identification|tax identification number|"        \
	"tax identification no|taxpayer id|taxpayer number|taxpayer identification number|"         \
	"tax number|tax no|tax reference|tax reference number|tax code|tin|tin number|tin no|"      \
	"vat id|vat number|vat no|vat reg no|vat registration number|steuernummer|steuer nr|"       \
	"steuer id|steueridentifikationsnummer|ust idnr|ust id|numéro fiscal|identifiant fiscal|"  \
	"numéro de tva|n° tva|número fiscal|número de identificación fiscal|identificación "  \
	"fiscal|"                                                                                   \
	"codice fiscale|partita iva|número de contribuinte|btw nummer|btw nr|numer identyfikacji " \
	"podatkowej|"                                                                               \
	"skattenummer|verokortti|adószám|vergi numarası|vergi no|cod fiscal|инн|налоговый номер"

static const struct kind rows[] = {
	{"mrz", "ICAO 9303-4, -5 and -6", CLASS_PASSPORT, KIND_SURE, NULL, match_zone, NULL, NULL,
	 NULL},
	{"passport", "ICAO 9303-4: nine characters or less", CLASS_PASSPORT, KIND_LABELLED,
	 "x{0,15}d", match_passport, NULL, PASSPORT_LABELS, NULL},
	{"passport-spaced", "ICAO 9303-4", CLASS_PASSPORT, KIND_LABELLED,
	 "d{3} d{3} d{3}|a{1,2} d{6,8}|d{2} d{7}|a{1,2} d{3} d{3,4}|d{3} d{2} d{4}", NULL, NULL,
	 PASSPORT_LABELS, NULL},
	{"driving-licence", "ISO/IEC 18013-1; the states' own", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "x{0,15}d", match_licence, NULL, LICENCE_LABELS, NULL},
	{"driving-licence-spaced", "AAMVA DL/ID Card Design Standard; the states' own",
	 CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{3} d{3} d{3}|d{2} d{3} d{3}|a d{3} d{3} d{3} d{3}|a d{4} d{4} d{4}|a{1,2} d{6,8}|a "
	 "d{5} d{5} d{5}|d{2} a{2} d{4}|"
	 "a d{4} d{5} d{5}|a{2} d{2} d{2} d{2} a|d{4} d{4} d{4}|a{2} d{3} d{3}",
	 NULL, NULL, LICENCE_LABELS, NULL},
	{"national-id", "ISO/IEC 7501-3; the states' own", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "x{0,15}d", match_identity, NULL, IDENTITY_LABELS, NULL},
	{"tax-id", "OECD, Tax Identification Numbers", CLASS_TAX_ID, KIND_LABELLED, "x{0,15}d",
	 match_identity, NULL, TAX_LABELS, NULL},
};

const struct kind_table kinds_government = {rows, BL_COUNT(rows)};
