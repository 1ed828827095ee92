/*
 * Street addresses and postcodes.
 *
 * A street alone is none: a house number makes it one. "14 High Road", "12 rue de la Paix", "Calle Mayor 5" begin at their street
 * word, "Hauptstraße 12a", "Keizersgracht 123" and "Storgatan 4" at the number, whose word before tells by its ending. From there the
 * address goes on over units ("Apt. 864"), towns with a state or a postcode, and countries, on this line and the next ones.
 */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/list.h"

#include <string.h>
#include <utf8proc.h>

#define ADDRESS_LIMIT 400u /* bytes from street to country */
#define TOKEN_BYTES   48u
#define STREET_WORDS  6
#define AREA_PARTS    7 /* unit, town, region, postcode, country */

enum token_kind { TOKEN_NONE, TOKEN_NUMBER, TOKEN_LOWER, TOKEN_CAPITAL, TOKEN_UPPER, TOKEN_MIXED };

/* A word or number, points and joined parts included: "12a", "5/7", "St.", "Jean-Jaurès", "4th". */
struct token {
	size_t start, end;
	enum token_kind kind;
	unsigned digits, letters;
};

/* ---- lists ----------------------------------------------------------------------------------------- */

/* "St", "Road": behind the name and its number. Weak ones are words of everything: they need a town, a unit or a longer number. */
static const char after_name[] =
	" street st road rd avenue ave av boulevard blvd lane ln drive dr court ct place pl square "
	"sq terrace ter way parkway pkwy circle cir "
	"highway hwy trail trl close crescent cres gardens grove mews row hill view walk rise "
	"turnpike tpke expressway loop plaza alley path "
	"crossing ridge heights green parade esplanade quay wharf wynd gate promenade bypass "
	"commons manor landing meadow meadows glen run "
	"pass point cove hollow bend knoll estate estates villas straße strasse str gasse allee "
	"marg nagar salai chowk sokak sk cadde cad cd "
	"bulvarı katu tie gata gate vei vej utca út tér straat laan gracht allé allée ";
static const char weak_after[] =
	" drive dr court ct place pl square way circle loop path point pass run gate green view "
	"row close rise walk hill green bend cove hollow "
	"ridge glen landing meadow meadows plaza commons manor estate estates highway trail "
	"crossing heights str st tie cd sk gate parade alley cir "
	"trl wharf quay ter terrace grove gardens bypass expressway ";
/* "rue", "Calle", "Via": before the name, the number in front or behind. */
static const char before_name[] =
	" rue rte route avenue av ave boulevard bd boul blvd place pl allée allées allees allee "
	"chemin impasse quai cours passage square sentier "
	"faubourg ruelle calle c avda avenida paseo pº plaza carrer carretera camino ronda "
	"travesía travessera avinguda plaça rambla callejón "
	"callejon cl carrera cra kra diagonal transversal calzada jirón jr pasaje pje via viale "
	"vicolo corso piazza piazzale largo strada lungomare "
	"lungotevere salita contrada borgo rua travessa alameda praça praca estrada rodovia beco "
	"ul ulica al aleja aleje pl plac os osiedle "
	"ulice náměstí nám třída trg trg strada str bulevardul bd calea șoseaua aleea улица ул "
	"проспект пр пер переулок площадь пл бульвар шоссе "
	"набережная вулиця вул провулок οδός λεωφόρος شارع רחוב unter am an auf im in zum zur beim "
	"alter alte ";
static const char weak_before[] = " place pl route rte cours passage square via c cl al os str av "
				  "largo strada borgo corso camino ronda pass jr "
				  "diagonal transversal plaza carrera avenida ";
/* Endings of one word with the street in it. */
#define ENDING(text)                                                                               \
	{                                                                                          \
		sizeof(text) - 1, text                                                             \
	}
static const struct {
	uint8_t length;
	char text[11];
} endings[] = {
	ENDING("straße"),   ENDING("strasse"),	 ENDING("str"),	     ENDING("weg"),
	ENDING("platz"),    ENDING("gasse"),	 ENDING("allee"),    ENDING("ufer"),
	ENDING("ring"),	    ENDING("damm"),	 ENDING("stieg"),    ENDING("steig"),
	ENDING("chaussee"), ENDING("promenade"), ENDING("markt"),    ENDING("straat"),
	ENDING("laan"),	    ENDING("gracht"),	 ENDING("plein"),    ENDING("kade"),
	ENDING("dijk"),	    ENDING("singel"),	 ENDING("steenweg"), ENDING("gatan"),
	ENDING("vägen"),    ENDING("gränd"),	 ENDING("torget"),   ENDING("gade"),
	ENDING("vej"),	    ENDING("gata"),	 ENDING("veien"),    ENDING("vegen"),
	ENDING("vei"),	    ENDING("katu"),	 ENDING("kuja"),     ENDING("polku"),
	ENDING("allé"),	    ENDING("alle"),	 ENDING("gaten"),    ENDING("plads"),
	ENDING("plass"),    ENDING("tie"),	 ENDING("baan"),     ENDING("dreef"),
	ENDING("gässli"),   ENDING("strasze"),	 ENDING("stræde"),   ENDING("stråket"),
	ENDING("backen"),   ENDING("bakken"),	 ENDING("haven"),    ENDING("parken"),
	ENDING("winkel"),   ENDING("graben"),	 ENDING("zeile"),    ENDING("twiete"),
	ENDING("hof"),	    ENDING("berg"),	 ENDING("wall"),     ENDING("tor"),
	ENDING("feld"),	    ENDING("kamp"),	 ENDING("brücke"),   ENDING("burg"),
	ENDING("tal"),	    ENDING("grund"),	 ENDING("garten"),   ENDING("park"),
	ENDING("wiese"),    ENDING("wiesen"),	 ENDING("rain"),     ENDING("halde"),
	ENDING("leite"),    ENDING("utca"),	 ENDING("ulica"),
};
/* The last of them are names of towns as well: they need a postcode or town behind. */
#define STRONG_ENDINGS 47u

static const char units[] = " apt apartment apto appt suite ste unit flat floor fl room rm bldg "
			    "building block blk tower lot space trailer studio piso puerta esc "
			    "escalera dpto depto depto. departamento int interno scala piano etg "
			    "etage stock stiege top tür og eg bus bte boîte boite bât bat bâtiment "
			    "escalier étage lgh vån trappe th tv m lok lokal mieszkanie bloco bl "
			    "sala andar casa wing shop plot house no nr dept level ";
static const char states[] =
	" al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh "
	"nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va "
	"wa wv wi wy dc pr gu vi as mp aa ae ap ";
static const char provinces[] =
	" on qc bc ab mb sk ns nb nl pe yt nt nu nsw vic qld wa sa tas act nt ";
static const char state_names[] =
	" alabama alaska arizona arkansas california colorado connecticut delaware florida georgia "
	"hawaii idaho illinois indiana iowa kansas "
	"kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri "
	"montana nebraska nevada ohio oklahoma oregon "
	"pennsylvania tennessee texas utah vermont virginia washington wisconsin wyoming ontario "
	"quebec québec alberta manitoba saskatchewan "
	"victoria queensland tasmania maharashtra karnataka kerala gujarat punjab rajasthan "
	"telangana bihar haryana ";
static const char countries[] =
	" usa us uk gb germany deutschland austria österreich switzerland schweiz suisse svizzera "
	"france belgium belgique belgië spain españa italy "
	"italia netherlands nederland poland polska portugal brazil brasil india australia canada "
	"ireland sweden sverige norway norge denmark "
	"danmark finland suomi iceland england scotland wales mexico méxico argentina colombia "
	"chile perú peru uruguay luxembourg greece turkey "
	"türkiye czechia hungary romania slovakia slovenia croatia serbia bulgaria ukraine russia "
	"japan china singapore malaysia israel egypt "
	"kenya nigeria ghana morocco tunisia pakistan bangladesh philippines vietnam indonesia "
	"thailand korea cyprus ";
/* Capitalised before a street word or a number, and no street. */
static const char no_street[] =
	" hard flash disk tape thumb usb solid state external internal test one only the this that "
	"star stars section chapter page figure "
	"table part step level version volume no nr gb tb mb kb kg km cm mm ms pm am june july may "
	"january february march april august september "
	"october november december jan feb mar apr jun jul aug sep oct nov dec bit byte bytes core "
	"cores port usd eur gbp dollars euros "
	"million billion thousand percent times hours minutes seconds days weeks months years year "
	"people users items files ";

/* A point behind it does not count. */
static bool is_in(const char *list, const struct text *text, size_t start, size_t end)
{
	while (end > start && text->bytes[end - 1] == '.')
		end--;
	return list_has(list, text, start, end);
}

static bool token_in(const char *list, const struct text *text, const struct token *token)
{
	return is_in(list, text, token->start, token->end);
}

/* ---- tokens ---------------------------------------------------------------------------------------------- */

static bool is_upper(int32_t code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z';

	unsigned category = (unsigned)utf8proc_category(code);

	return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

static bool is_word_code(int32_t code)
{
	return text_is_word(code) || code == 0xba || code == 0xaa || code == 0xb0;
}

/* Does this character hold a token together, with a letter or digit behind it? */
static bool is_joint(const struct text *text, size_t at)
{
	int32_t code;
	uint8_t byte = text->bytes[at];

	if (byte != '-' && byte != '\'' && byte != '/' && !(byte == 0xe2 && at + 3 < text->length))
		return false;
	if (byte == 0xe2) {
		if (text->bytes[at + 1] != 0x80 ||
		    (text->bytes[at + 2] != 0x99 && text->bytes[at + 2] != 0x93))
			return false;
		at += 2;
	}
	if (at + 1 >= text->length)
		return false;
	text_next(text, at + 1, &code);
	return is_word_code(code);
}

static bool read_token(const struct text *text, size_t at, struct token *out)
{
	unsigned upper = 0, lower = 0;
	bool starts_upper = false;

	*out = (struct token){.start = at, .end = at};
	while (at < text->length && at - out->start < TOKEN_BYTES) {
		int32_t code;
		size_t size = text_next(text, at, &code);

		if (!is_word_code(code)) {
			if (at == out->start || !is_joint(text, at))
				break;
			at += text->bytes[at] == 0xe2 ? 3 : 1;
			continue;
		}
		if (at == out->start)
			starts_upper = is_upper(code);
		if (code < 0x80 && text_is_digit((uint8_t)code))
			out->digits++;
		else if (is_upper(code))
			upper++;
		else
			lower++;
		at += size;
		out->end = at;
	}
	if (out->end == out->start || at - out->start >= TOKEN_BYTES)
		return false;
	out->letters = upper + lower;
	if (out->digits && !text_is_digit(text->bytes[out->start]))
		out->kind = TOKEN_MIXED;
	else if (out->digits)
		out->kind = out->letters <= 4 ? TOKEN_NUMBER : TOKEN_MIXED;
	else if (!starts_upper)
		out->kind = TOKEN_LOWER;
	else
		out->kind = upper > 1 && !lower ? TOKEN_UPPER : TOKEN_CAPITAL;
	/* the point of "St." and "Apt." */
	if (!out->digits && out->letters <= 5 && out->end < text->length &&
	    text->bytes[out->end] == '.')
		out->end++;
	return true;
}

static size_t space_at(const struct text *text, size_t at)
{
	if (at >= text->length)
		return 0;
	if (text->bytes[at] == ' ')
		return 1;
	return at + 1 < text->length && text->bytes[at] == 0xc2 && text->bytes[at + 1] == 0xa0 ? 2
											       : 0;
}

/* The token that ends before the space before @at; a comma may stand between when @with_comma. */
static bool read_before(const struct text *text, size_t at, bool with_comma, struct token *out)
{
	size_t end = at, start;

	if (end && text->bytes[end - 1] == ' ')
		end--;
	else if (end > 1 && text->bytes[end - 1] == 0xa0 && text->bytes[end - 2] == 0xc2)
		end -= 2;
	else
		return false;
	if (with_comma && end && text->bytes[end - 1] == ',')
		end--;
	start = end;
	if (start && text->bytes[start - 1] == '.')
		start--;
	while (start > 0 && end - start < TOKEN_BYTES) {
		int32_t code;
		size_t size = text_before(text, start, &code);

		if (!is_word_code(code) && code != '-' && code != '\'' && code != '/' &&
		    code != 0x2019 && code != 0x2013)
			break;
		start -= size;
	}
	while (start < end && memchr("-'/", text->bytes[start], 3))
		start++;
	return read_token(text, start, out) && (out->end == end || out->end + 1 == end);
}

/* Does what stands directly before @at let something begin here? */
static bool starts_here(const struct text *text, size_t at)
{
	if (at == 0 || text_follows_escape(text, at))
		return true;
	return !memchr("_./\\-@#$=~`%^+:,", text->bytes[at - 1], 16) ||
	       (text->bytes[at - 1] == ':' && !(at >= 2 && text_is_digit(text->bytes[at - 2]))) ||
	       (text->bytes[at - 1] == '#' && at >= 2 && text->bytes[at - 2] == ' ') ||
	       (text->bytes[at - 1] == '=' || text->bytes[at - 1] == ',');
}

static bool is_house_number(const struct token *token)
{
	return token->kind == TOKEN_NUMBER && token->digits <= 6 && token->digits >= 1;
}

static bool is_ordinal(const struct text *text, const struct token *token)
{
	static const char *const ends[] = {"st", "nd", "rd", "th"};
	size_t end = token->end;

	if (token->kind != TOKEN_NUMBER || token->letters != 2 || token->digits > 3)
		return false;
	for (size_t i = 0; i < BL_COUNT(ends); i++)
		if (text_lower(text->bytes[end - 2]) == (uint8_t)ends[i][0] &&
		    text_lower(text->bytes[end - 1]) == (uint8_t)ends[i][1])
			return true;
	return false;
}

static bool is_capital(const struct token *token)
{
	return token->kind == TOKEN_CAPITAL || token->kind == TOKEN_UPPER;
}

static bool is_particle(const struct text *text, const struct token *token)
{
	static const char particles[] =
		" de la le les du des d l del los las el do da dos das di dei degli della delle "
		"dell al san st saint sainte von van der den dem "
		"of the in het 't op aan am an zum zur im y e et und i und ";

	return token->kind == TOKEN_LOWER && token_in(particles, text, token);
}

/* ---- postcodes ----------------------------------------------------------------------------------------- */

static bool is_boundary(const struct text *text, size_t at)
{
	if (at + 1 < text->length && memchr("-./", text->bytes[at], 3) &&
	    text_is_digit(text->bytes[at + 1]))
		return false;
	return text_ends_word(text, at) && !(at < text->length && text->bytes[at] == '_');
}

/* Reads one shape at @at: 'd' digit, 'A' capital letter, ' ' one space, else itself; its end, or @at. */
static size_t read_shape(const struct text *text, size_t at, const char *shape)
{
	size_t end = at;

	for (; *shape; shape++) {
		if (*shape == ' ') {
			size_t gap = space_at(text, end);

			if (!gap)
				return at;
			end += gap;
			continue;
		}
		if (end >= text->length)
			return at;

		uint8_t byte = text->bytes[end++];

		if (*shape == 'd'   ? !text_is_digit(byte)
		    : *shape == 'A' ? !(byte >= 'A' && byte <= 'Z')
				    : byte != (uint8_t)*shape)
			return at;
	}
	return is_boundary(text, end) ? end : at;
}

/* BS 7666-2: areas as Royal Mail has them. */
static const char gb_areas[] =
	" ab al b ba bb bd bf bh bl bn br bs bt bx ca cb cf ch cm co cr ct cv cw da dd de dg dh dl "
	"dn dt dy e ec eh en ex fk fy g gl gu gy ha hd "
	"hg hp hr hs hu hx ig im ip iv je ka kt kw ky l la ld le ll ln ls lu m me mk ml n ne ng nn "
	"np nr nw ol ox pa pe ph pl po pr rg rh rm s sa "
	"se sg sk sl sm sn so sp sr ss st sw sy ta td tf tn tq tr ts tw ub w wa wc wd wf wn wr ws "
	"wv yo ze ";

static size_t gb_postcode(const struct text *text, size_t at)
{
	static const char *const shapes[] = {"Ad dAA",	 "Add dAA", "AAd dAA",
					     "AAdd dAA", "AdA dAA", "AAdA dAA"};

	for (size_t i = 0; i < BL_COUNT(shapes); i++) {
		size_t end = read_shape(text, at, shapes[i]);

		if (end == at)
			continue;
		if (memchr("CIKMOV", text->bytes[end - 1], 6) ||
		    memchr("CIKMOV", text->bytes[end - 2], 6))
			return at;
		return is_in(gb_areas, text, at, at + (shapes[i][1] == 'A' ? 2 : 1)) ? end : at;
	}
	return at;
}

/* Canada Post Addressing Guidelines: no D F I O Q U; W and Z not first. */
static size_t ca_postcode(const struct text *text, size_t at)
{
	size_t end = read_shape(text, at, "AdA dAd");

	if (end == at || memchr("WZ", text->bytes[at], 2))
		return at;
	for (size_t i = at; i < end; i++)
		if (memchr("DFIOQU", text->bytes[i], 6))
			return at;
	return end;
}

static const char ie_keys[] = " a41 a42 a45 a63 a67 a75 a81 a82 a83 a84 a85 a86 a91 a92 a94 a96 "
			      "a98 c15 d01 d02 d03 d04 d05 d06 d07 d08 d09 d10 d11 d12 d13 d14 d15 "
			      "d16 d17 d18 d20 d22 d24 d6w e21 e25 e32 e34 e41 e45 e53 e91 f12 f23 "
			      "f26 f28 f31 f35 f42 f45 f52 f56 f91 f92 f93 f94 h12 h14 h16 h18 h23 "
			      "h53 h54 h62 h65 h71 h91 k32 k34 k36 k45 k56 k67 k78 n37 n39 n41 n91 "
			      "p12 p14 p17 p24 p25 p31 p32 p36 p43 p47 p51 p56 p61 p67 p72 p75 p81 "
			      "p85 r14 r21 r32 r35 r42 r45 r51 r56 r93 r95 t12 t23 t34 t45 t56 v14 "
			      "v15 v23 v31 v35 v42 v92 v93 v94 v95 w12 w23 w34 w91 x35 x42 x91 y14 "
			      "y21 y25 y34 y35 ";

/* Eircode: a routing key of An Post's list (letter, digit, digit or W), then four of its alphabet. */
static size_t ie_postcode(const struct text *text, size_t at)
{
	size_t end = at + 3;

	if (at + 8 > text->length || !is_in(ie_keys, text, at, end) || !space_at(text, end))
		return at;
	end += space_at(text, end);
	for (size_t i = 0; i < 4; i++, end++)
		if (end >= text->length ||
		    !memchr("0123456789ACDEFHKNPRTVWXY", text->bytes[end], 25))
			return at;
	return is_boundary(text, end) ? end : at;
}

/* Postcodes that begin with a letter. */
static size_t lettered_postcode(const struct text *text, size_t at)
{
	size_t end = gb_postcode(text, at);

	if (end == at)
		end = ca_postcode(text, at);
	return end == at ? ie_postcode(text, at) : end;
}

/* Postcodes of digits, longest shape first; only beside a town or behind a label. */
static size_t digit_postcode(const struct text *text, size_t at)
{
	static const char *const shapes[] = {"ddddd-dddd", "ddddd-ddd", "dddd-ddd", "dd-ddd",
					     "ddd ddd",	   "ddd dd",	"dddd AA",  "dddddd",
					     "ddddd",	   "dddd"};

	for (size_t i = 0; i < BL_COUNT(shapes); i++) {
		size_t end = read_shape(text, at, shapes[i]);

		if (end > at)
			return end;
	}
	return at;
}

/* "D-80331", "CH 8001", "F-75002": letters of the country in front. */
static size_t prefixed_postcode(const struct text *text, size_t at)
{
	static const char *const prefixes[] = {"D-",   "A-",  "CH-", "F-",  "B-",  "I-",  "E-",
					       "L-",   "NL-", "PL-", "DE-", "AT-", "FR-", "IT-",
					       "ES-",  "S-",  "SE-", "N-",  "NO-", "DK-", "FI-",
					       "FIN-", "BE-", "CZ-", "SK-", "PT-"};

	if (at >= text->length || text->bytes[at] < 'A' || text->bytes[at] > 'Z')
		return at;
	for (size_t i = 0; i < BL_COUNT(prefixes); i++) {
		size_t length = strlen(prefixes[i]);

		if (text->length - at > length &&
		    memcmp(text->bytes + at, prefixes[i], length) == 0) {
			size_t end = digit_postcode(text, at + length);

			return end > at + length ? end : at;
		}
	}
	return at;
}

/* ---- what follows a street -------------------------------------------------------------------------------- */

/* Over a comma, spaces, and one line's end. */
static size_t skip_gap(const struct text *text, size_t at, bool *out_is_line)
{
	size_t start = at;
	unsigned lines = 0, commas = 0;

	while (at < text->length && at - start < 40) {
		uint8_t byte = text->bytes[at];

		if (byte == '\n')
			lines++;
		else if (byte == '\\' && at + 1 < text->length &&
			 memchr("nr", text->bytes[at + 1], 2)) {
			lines += text->bytes[at + 1] == 'n';
			at++;
		} else if (byte == ',' || byte == ';') {
			commas++;
		} else if (byte == '-' && at > start && text->bytes[at - 1] == ' ' &&
			   at + 1 < text->length && text->bytes[at + 1] == ' ') {
			commas++;
		} else if (byte == 0xc2 && at + 1 < text->length && text->bytes[at + 1] == 0xa0) {
			at++;
		} else if (byte != ' ' && byte != '\t' && byte != '\r') {
			break;
		}
		at++;
		if (lines > 2 || commas > 2)
			return start;
	}
	*out_is_line = lines > 0;
	return at;
}

/* "Apt. 864", "#4", "3º B", "2nd floor". */
static size_t unit_end(const struct text *text, size_t at)
{
	struct token token, next;
	size_t gap;

	if (at < text->length && text->bytes[at] == '#') {
		at += 1 + space_at(text, at + 1);
		return read_token(text, at, &token) && token.digits ? token.end : at - 1;
	}
	if (!read_token(text, at, &token))
		return at;
	gap = space_at(text, token.end);
	if (token_in(units, text, &token)) {
		if (gap && token.end + gap < text->length && text->bytes[token.end + gap] == '#')
			gap++;
		if (!read_token(text, token.end + gap, &next))
			return at;
		return next.digits || (next.letters <= 2 && is_capital(&next)) ? next.end : at;
	}
	if (token.kind != TOKEN_NUMBER)
		return at;
	if (gap && read_token(text, token.end + gap, &next) && token_in(units, text, &next))
		return next.end; /* "2nd floor" */
	if (token.letters && text->bytes[token.end - 1] >= 0x80 && token.digits <= 2) /* "3º B" */
		return gap && read_token(text, token.end + gap, &next) && next.letters <= 4 &&
				       is_capital(&next)
			       ? next.end
			       : token.end;
	return at;
}

/* One to four capitalised words: a town. */
static size_t town_end(const struct text *text, size_t at)
{
	size_t end = at, next = at;

	for (unsigned i = 0; i < 5; i++) {
		struct token token;
		size_t gap;

		if (lettered_postcode(text, next) > next || !read_token(text, next, &token))
			break;
		if (!is_capital(&token) && !(i && is_particle(text, &token)))
			break;
		if (i && token.kind == TOKEN_UPPER && token.letters <= 3)
			break; /* a state */
		if (is_capital(&token))
			end = token.end;
		gap = space_at(text, token.end);
		next = token.end + gap;
		if (!gap)
			break;
	}
	if (end > at && text->bytes[end - 1] == '.')
		end--;
	return end;
}

static size_t region_end(const struct text *text, size_t at)
{
	struct token token;

	if (!read_token(text, at, &token))
		return at;
	if (token.kind == TOKEN_UPPER &&
	    (token_in(states, text, &token) || token_in(provinces, text, &token)))
		return token.end;
	if (token.kind == TOKEN_CAPITAL && token_in(state_names, text, &token))
		return token.end;
	return at;
}

static size_t country_end(const struct text *text, size_t at)
{
	struct token token;
	static const char *const long_names[] = {
		"United Kingdom", "United States",    "United States of America",
		"Great Britain",  "Northern Ireland", "The Netherlands",
		"New Zealand",	  "South Africa",     "Czech Republic"};
	size_t best = at;

	for (size_t i = 0; i < BL_COUNT(long_names); i++) {
		size_t length = strlen(long_names[i]);

		if (text->length - at >= length &&
		    memcmp(text->bytes + at, long_names[i], length) == 0 &&
		    is_boundary(text, at + length) && at + length > best)
			best = at + length;
	}
	if (best > at || !read_token(text, at, &token))
		return best;
	return is_capital(&token) && token_in(countries, text, &token) ? token.end : at;
}

/* A postcode here, of any sort. */
static size_t postcode_end(const struct text *text, size_t at)
{
	size_t end = lettered_postcode(text, at);

	if (end == at)
		end = prefixed_postcode(text, at);
	return end == at ? digit_postcode(text, at) : end;
}

static bool ends_part(const struct text *text, size_t at)
{
	return at >= text->length || memchr(",.;\n\r)\"'<|\t\\]}!?", text->bytes[at], 17);
}

/* What the parts that were met prove. */
struct area {
	size_t end; /* of the last part that is surely one */
	bool has_unit, has_town, has_code;
};

/* Units, towns, regions, postcodes and countries from @at on, as far as @limit. */
static struct area read_area(const struct text *text, size_t at, size_t limit)
{
	struct area area = {.end = at};
	size_t pending = at; /* a town that nothing confirms yet ends here */

	for (unsigned i = 0; i < AREA_PARTS && pending < limit; i++) {
		bool is_line = false;
		size_t from = skip_gap(text, pending, &is_line), end;
		bool is_near = from > pending;

		if (!is_near || from >= limit)
			break;
		if ((end = unit_end(text, from)) > from) {
			area.end = pending = end;
			area.has_unit = true;
			continue;
		}
		if ((end = country_end(text, from)) > from &&
		    (area.has_town || area.has_code || pending > area.end || area.has_unit ||
		     ends_part(text, end))) {
			area.end = pending = end;
			area.has_town = true;
			continue;
		}
		if ((end = region_end(text, from)) > from) {
			area.end = pending = end;
			area.has_town = true;
			continue;
		}
		if ((end = postcode_end(text, from)) > from) {
			size_t town = from;
			bool has_town = area.has_town || pending > area.end;

			if (space_at(text, end))
				town = town_end(text, end + space_at(text, end));
			if (town <= end + 2 && !has_town)
				break; /* a number after a comma is no postcode */
			area.end = pending = town > end + 1 ? town : end;
			area.has_town = area.has_code = true;
			continue;
		}
		end = town_end(text, from);
		if (end == from || pending > area.end + 64)
			break;
		/* alone between commas, or at its line's end behind one */
		if (!is_line && from > 1 && memchr(text->bytes + pending, ',', from - pending) &&
		    ends_part(text, end)) {
			area.end = end;
			area.has_town = true;
		}
		pending = end;
	}
	area.end = BL_MIN(area.end, limit);
	return area;
}

/* "240 12 High Road": another number in front, as of a flat or a lot. */
static size_t leading_number(const struct text *text, size_t start)
{
	struct token number;

	if (!read_before(text, start, false, &number) || !is_house_number(&number) ||
	    number.letters > 1 || text->bytes[number.end] == '.' ||
	    !starts_here(text, number.start))
		return start;
	return number.start;
}

static void add_address(const struct text *text, struct sink *sink, size_t start, size_t street_end,
			bool is_weak)
{
	struct area area = read_area(text, street_end, BL_MIN(text->length, start + ADDRESS_LIMIT));

	start = leading_number(text, start);
	if (is_weak && !area.has_unit && !area.has_town)
		return;
	if (area.end > start && area.end - start <= ADDRESS_LIMIT)
		sink_add(sink, start, area.end, CLASS_ADDRESS, false);
}

/* ---- "14 High Road" ------------------------------------------------------------------------------------------- */

/* "Flat 2, " in front of the house number at @start. */
static size_t unit_start(const struct text *text, size_t start)
{
	struct token number, unit;

	if (!read_before(text, start, true, &number) || number.kind == TOKEN_LOWER)
		return start;
	if (!number.digits && number.letters > 2)
		return start;
	if (!read_before(text, number.start, false, &unit) || !token_in(units, text, &unit) ||
	    unit.letters < 2)
		return start;
	return unit.start;
}

/* The number in front of the words before @at; false: there is none. */
static bool number_before(const struct text *text, size_t at, size_t *out_start,
			  unsigned *out_words, unsigned *out_digits)
{
	for (unsigned i = 0; i <= STREET_WORDS - 1; i++) {
		struct token token;

		if (!read_before(text, at, i == 0 ? false : true, &token))
			return false;
		if (token.digits && text->bytes[token.end] == '.')
			return false; /* "Section 12. Main Street" */
		if (is_house_number(&token) && !(i == 0 && is_ordinal(text, &token)) &&
		    !(token.letters == 2 && is_ordinal(text, &token))) {
			*out_start = token.start;
			*out_words = i;
			*out_digits = token.digits;
			return starts_here(text, token.start);
		}
		if (token_in(no_street, text, &token))
			return false;
		if (!is_capital(&token) && !is_ordinal(text, &token) && !is_particle(text, &token))
			return false;
		/* "12, Mill Road": only the number is before a comma */
		if (token.end < text->length && text->bytes[token.end] == ',')
			return false;
		at = token.start;
	}
	return false;
}

static bool suffix_street(const struct text *text, const struct token *street, struct sink *sink)
{
	size_t start, end = street->end;
	unsigned words, digits;
	bool is_weak = token_in(weak_after, text, street);
	struct token next;

	if (!is_capital(street) || !number_before(text, street->start, &start, &words, &digits))
		return false;
	if (words == 0 && !token_in(" broadway ", text, street))
		return false;
	/* "12 King Street West", "5 High St NW" */
	if (space_at(text, end) && read_token(text, end + space_at(text, end), &next) &&
	    is_capital(&next)) {
		if (token_in(" n s e w ne nw se sw north south east west upper lower extension ",
			     text, &next))
			end = next.end;
		else if (token_in(after_name, text, &next))
			return true; /* "High Street Road": the last one tells */
	}
	if (end > street->start && text->bytes[end - 1] == '.' && is_weak && !space_at(text, end) &&
	    end < text->length && text->bytes[end] != ',' && text->bytes[end] != '\n')
		end--;
	start = unit_start(text, start);
	add_address(text, sink, start, end, is_weak && digits < 2);
	return true;
}

/* ---- "12 rue de la Paix", "Calle Mayor 5" ------------------------------------------------------------------- */

/* The number behind a name: ", nº 5", " 12 bis", " 5/7". Its end, or @at. */
static size_t number_behind(const struct text *text, size_t at)
{
	static const char signs[] = " n nº n° no nr núm num numero número s br ";
	struct token token;
	size_t from = at, end;

	if (from < text->length && text->bytes[from] == ',')
		from++;
	if (!space_at(text, from))
		return at;
	from += space_at(text, from);
	if (!read_token(text, from, &token))
		return at;
	if (!token.digits && token_in(signs, text, &token)) {
		from = token.end + space_at(text, token.end);
		if (!read_token(text, from, &token))
			return at;
	} else if (from < text->length && text->bytes[from] == '#') {
		return at;
	}
	if (!is_house_number(&token))
		return at;
	end = token.end;
	/* "12 bis", "12 A" */
	if (space_at(text, end) && read_token(text, end + space_at(text, end), &token) &&
	    (is_in(" bis ter quater ", text, token.start, token.end) ||
	     (token.letters == 1 && !token.digits && is_capital(&token) &&
	      ends_part(text, token.end))))
		end = token.end;
	return end;
}

/* Capitalised words and particles behind the street word at @at; their end. */
static size_t street_name_end(const struct text *text, size_t at, bool is_after_number)
{
	size_t end = at, next = at;

	for (unsigned i = 0; i < STREET_WORDS; i++) {
		struct token token;
		size_t gap = space_at(text, next);

		if (!gap || !read_token(text, next + gap, &token))
			break;
		if (token.kind == TOKEN_NUMBER && !(is_after_number || i == 0))
			break;
		if (token.kind == TOKEN_NUMBER && i && !is_particle(text, &token) &&
		    !is_after_number)
			break;
		if (!is_capital(&token) && !is_particle(text, &token) && token.kind != TOKEN_NUMBER)
			break;
		if (token.kind == TOKEN_NUMBER && token.digits > 4)
			break;
		next = token.end;
		if (is_capital(&token) || (token.kind == TOKEN_NUMBER && is_after_number))
			end = token.end;
		if (text->bytes[end - 1] == '.' && token.letters > 3)
			break;
	}
	return end;
}

static bool prefix_street(const struct text *text, const struct token *street, struct sink *sink)
{
	struct token number;
	bool is_weak = token_in(weak_before, text, street), has_number = false;
	size_t start = street->start, end, name;

	if (read_before(text, street->start, true, &number)) {
		struct token real = number;

		if (number.kind == TOKEN_LOWER && token_in(" bis ter quater ", text, &number))
			has_number = read_before(text, number.start, false, &real) &&
				     is_house_number(&real);
		else
			has_number = is_house_number(&number) && number.digits <= 5;
		if (has_number && starts_here(text, real.start))
			start = real.start;
		else
			has_number = false;
	}
	name = street_name_end(text, street->end, has_number);
	if (name == street->end ||
	    (has_number && street->kind == TOKEN_LOWER && name - street->end < 4))
		return false;
	end = number_behind(text, name);
	if (end == name && !has_number)
		return false;
	if (end > name && has_number)
		end = name; /* "12 rue de Rivoli 75001": the postcode's affair */
	if (end > name && !starts_here(text, start))
		return false;
	/* "via 3" has no name; "Place Name 3" of prose is weak */
	add_address(text, sink, start, end,
		    is_weak && (has_number || street->kind == TOKEN_LOWER || street->letters < 4));
	return true;
}

void street_at(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	struct token street;

	if (!(sink->classes & CLASS_BIT(CLASS_ADDRESS)) || sink->is_name)
		return;
	if (!read_token(text, start, &street) || street.end < end || !starts_here(text, start))
		return;
	if (token_in(before_name, text, &street) && prefix_street(text, &street, sink))
		return;
	if (token_in(after_name, text, &street))
		suffix_street(text, &street, sink);
}

/* ---- "Hauptstraße 12a" ------------------------------------------------------------------------------------------ */

/* Which ending the word has; BL_COUNT(endings): none. */
static size_t ending_of(const struct text *text, const struct token *word)
{
	size_t end = word->end;

	if (text->bytes[end - 1] == '.')
		end--;
	for (size_t i = 0; i < BL_COUNT(endings); i++) {
		size_t length = endings[i].length;
		const char *ending = endings[i].text;

		if (end - word->start < length ||
		    text->bytes[end - 1] != (uint8_t)ending[length - 1])
			continue;
		if (memcmp(text->bytes + end - length, ending, length) == 0)
			return i;
		/* "Berliner Straße" */
		if (end - word->start == length &&
		    text_lower(text->bytes[word->start]) == (uint8_t)ending[0] &&
		    memcmp(text->bytes + word->start + 1, ending + 1, length - 1) == 0)
			return i;
	}
	return BL_COUNT(endings);
}

/* Capitalised words in front belong to the street: "Berliner Straße", "Alte Schönhauser Straße", "Van Baerlestraat", "Am Alten Markt". */
static size_t street_start(const struct text *text, const struct token *word, unsigned *out_words)
{
	size_t start = word->start;

	*out_words = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct token before;

		if (!read_before(text, start, false, &before) || !is_capital(&before) ||
		    token_in(no_street, text, &before) || before.letters < 2 ||
		    text->bytes[before.end - 1] == '.' || !starts_here(text, before.start))
			break;
		start = before.start;
		++*out_words;
	}
	return start;
}

static bool is_plain_number(const struct text *text, size_t at, size_t *out_end)
{
	struct token number;

	if (!read_token(text, at, &number) || !is_house_number(&number) || number.digits > 8)
		return false;
	*out_end = number.end;
	/* "12 a" */
	if (space_at(text, number.end)) {
		size_t from = number.end + space_at(text, number.end);

		if (read_shape(text, from, "A") > from && ends_part(text, from + 1))
			*out_end = from + 1;
		else if (from + 1 < text->length && text->bytes[from] >= 'a' &&
			 text->bytes[from] <= 'h' && ends_part(text, from + 1))
			*out_end = from + 1;
	}
	return true;
}

/* No postcode begins with more than four characters that are no digits. */
static bool has_digit_soon(const struct text *text, size_t at)
{
	size_t end = BL_MIN(text->length, at + 5);

	while (at < end && !text_is_digit(text->bytes[at]))
		at++;
	return at < end;
}

/* "Am Markt 5, 80331 München": any capitalised words and a number, where a postcode of five digits or more and a town follow. */
static bool confirmed_street(const struct text *text, size_t at, struct sink *sink)
{
	size_t start = at, end = at, code, line_end;
	unsigned capitals = 0;
	bool is_line = false;

	if (!is_plain_number(text, at, &end))
		return false;
	code = skip_gap(text, end, &is_line);
	if (code == end || !has_digit_soon(text, code))
		return false;
	line_end = postcode_end(text, code);
	if (line_end < code + 5 || !space_at(text, line_end) ||
	    town_end(text, line_end + 1) < line_end + 4)
		return false;
	for (unsigned i = 0; i < 5; i++) {
		struct token token;

		if (!read_before(text, start, false, &token) || token_in(no_street, text, &token) ||
		    !starts_here(text, token.start) ||
		    (!is_capital(&token) && !is_particle(text, &token)))
			break;
		capitals += is_capital(&token) && token.letters >= 2;
		start = token.start;
	}
	if (!capitals)
		return false;
	add_address(text, sink, start, end, false);
	return true;
}

static bool compound_street(const struct text *text, size_t at, const struct token *word,
			    struct sink *sink)
{
	unsigned words;
	size_t ending, start, end = at, length;

	if ((!is_capital(word) && word->kind != TOKEN_LOWER) || !is_plain_number(text, at, &end))
		return false;
	ending = ending_of(text, word);
	if (ending == BL_COUNT(endings) || !starts_here(text, word->start))
		return confirmed_street(text, at, sink);
	length = endings[ending].length;
	start = street_start(text, word, &words);

	bool is_alone = word->end - word->start <= length + 1;

	if (word->kind == TOKEN_LOWER || (is_alone && words == 0))
		return false;
	if (!is_alone && word->end - word->start < length + 3)
		return false;
	if (!is_alone && words && ending < STRONG_ENDINGS)
		start = word->start; /* "Familie Hauptstraße": one word is the street */
	add_address(text, sink, start, end,
		    ending >= STRONG_ENDINGS || length == 3 || (is_alone && length < 5));
	return true;
}

/* ---- boxes ----------------------------------------------------------------------------------------------------------- */

static bool box_at(const struct text *text, const struct token *word, size_t end, struct sink *sink)
{
	static const char alone[] =
		" postfach postbus postboks apartado bp postbox locker lockbox ";
	static const char after[] = " box postale postal pocztowa ";
	struct token before;
	size_t start = word->start;

	if (!memchr("pablPABL", text->bytes[start], 8)) /* how they all begin */
		return false;
	if (token_in(after, text, word)) {
		if (!read_before(text, word->start, false, &before)) {
			/* "P.O.Box 12" */
			if (start < 4 || memcmp(text->bytes + start - 4, "P.O.", 4) != 0)
				return false;
			start -= 4;
		} else if (token_in(" po o p post casella caixa boîte skrytka ", text, &before)) {
			start = before.start;
			if (start >= 2 && text->bytes[start - 1] == '.' &&
			    text->bytes[start - 2] == 'P')
				start -= 2;
			else if (start >= 3 && text->bytes[start - 1] == ' ' &&
				 text->bytes[start - 2] == '.' && text->bytes[start - 3] == 'P')
				start -= 3;
		} else {
			return false;
		}
	} else if (!token_in(alone, text, word) || !is_capital(word)) {
		return false;
	}
	/* "12 34 56" */
	for (unsigned i = 0; i < 2; i++) {
		size_t more = read_shape(text, end + space_at(text, end), "dd");

		if (!space_at(text, end) || more == end + space_at(text, end))
			break;
		end = more;
	}
	add_address(text, sink, start, end, word->letters == 2);
	return true;
}

/* "Apt. 864": what stands before it is a street, whatever it is called, if it has a number and a capital. */
static bool unit_at(const struct text *text, const struct token *unit, struct sink *sink)
{
	static const char strong[] = " apt apartment apto suite ste ";
	struct token token;
	size_t start = unit->start, next = start, words = 0;
	bool has_number = false;

	if (!is_capital(unit) || !memchr("AS", text->bytes[start], 2) ||
	    !token_in(strong, text, unit))
		return false;
	/* over the line's end and its indent */
	while (next > 0 && unit->start - next < 16 && memchr(" \t\r\n,", text->bytes[next - 1], 5))
		next--;
	if (next < unit->start)
		next++; /* read_before wants a separator */
	for (unsigned i = 0; i < 7; i++) {
		struct text upto = {text->bytes, next};

		if (i == 0 && next > 0 && next <= unit->start) {
			/* the word that ends at next - 1 */
			size_t end = next - 1, from = end;

			while (from > 0 && end - from < TOKEN_BYTES) {
				int32_t code;
				size_t size = text_before(text, from, &code);

				if (!is_word_code(code) && code != '-' && code != '/' &&
				    code != '.')
					break;
				from -= size;
			}
			if (from == end || !read_token(&upto, from, &token) || token.end > end)
				return false;
		} else if (!read_before(text, next, true, &token)) {
			break;
		}
		if (token.kind == TOKEN_NUMBER && token.digits <= 6) {
			start = token.start;
			has_number = true;
		} else if (is_capital(&token) && token.letters >= 2 &&
			   !token_in(no_street, text, &token)) {
			words++;
		} else if (!is_particle(text, &token)) {
			break;
		}
		next = token.start;
	}
	if (!has_number || !words || !starts_here(text, start))
		return false;
	add_address(text, sink, start, unit->start - 1, false);
	return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

static void add_postcode(struct sink *sink, size_t start, size_t end)
{
	if (sink->classes & CLASS_BIT(CLASS_POSTCODE))
		sink_add(sink, start, end, CLASS_POSTCODE, false);
}

/* "CO 80202", "CO 80202-1234" */
static bool us_zip_at(const struct text *text, size_t at, size_t digits, struct sink *sink)
{
	struct token state;
	size_t end;

	if (digits != 5 || !read_before(text, at, true, &state) || state.kind != TOKEN_UPPER ||
	    state.letters != 2 || !token_in(states, text, &state) ||
	    !starts_here(text, state.start))
		return false;
	end = read_shape(text, at, "ddddd-dddd");
	if (end == at)
		end = read_shape(text, at, "ddddd");
	if (end == at)
		return false;
	add_postcode(sink, at, end);
	return true;
}

/* "1012 AB Amsterdam": letters of the Dutch code are never SA, SD, SS, and units are no towns' */
static void nl_postcode_at(const struct text *text, size_t at, size_t digits, struct sink *sink)
{
	static const char units_too[] = " sa sd ss mb gb kb tb am pm km cm mm hz hp ad bc ce eu us "
					"uk kw mw mv ma ah cc ml dl kg lb ft in no or on of ";
	size_t end;

	if (digits != 4 || text->bytes[at] == '0')
		return;
	end = read_shape(text, at, "dddd AA");
	if (end == at || is_in(units_too, text, end - 2, end))
		return;

	size_t town = end + space_at(text, end);
	struct token token;

	if (town > end && read_token(text, town, &token) && token.kind == TOKEN_CAPITAL &&
	    token.letters >= 3)
		add_postcode(sink, at, end);
}

/* Second halves: "1AA", "0B1", and four characters of Ireland */
static bool may_be_half(const struct text *text, size_t at)
{
	const uint8_t *p = text->bytes + at;
	size_t left = text->length - at;

	return left > 2 && (text_is_letter(p[1]) || (left > 3 && text_is_alnum(p[1]) &&
						     text_is_alnum(p[2]) && text_is_alnum(p[3])));
}

/* The second half of "SW1A 1AA" or "K1A 0B1" begins at @at. */
static bool lettered_postcode_at(const struct text *text, size_t at, struct sink *sink)
{
	size_t gap = at && text->bytes[at - 1] == ' '	     ? 1
		     : at > 1 && space_at(text, at - 2) == 2 ? 2
							     : 0;

	if (!gap)
		return false;
	for (size_t length = 2; length <= 4 && length + gap <= at; length++) {
		size_t start = at - gap - length, end;

		if (!text_starts_word(text, start) || !starts_here(text, start))
			continue;
		end = lettered_postcode(text, start);
		if (end <= at)
			continue;
		if (sink->classes & CLASS_BIT(CLASS_POSTCODE))
			sink_add(sink, start, end, CLASS_POSTCODE, true);
		return true;
	}
	return false;
}

/*
 * Can a number at @at belong to what stands before it? Most cannot, and are told by a glance: a word with a capital or of letters other than
 * ASCII's has to end there.
 */
static bool follows_name(const struct text *text, size_t at)
{
	const uint8_t *p = text->bytes;
	size_t end, start;

	if (at < 2 || (p[at - 1] != ' ' && p[at - 1] != 0xa0))
		return false;
	end = at - (p[at - 1] == ' ' ? 1 : 2);
	if (end && (p[end - 1] == '.' || p[end - 1] == ','))
		end--;
	start = end;
	while (start > 0 && end - start < TOKEN_BYTES &&
	       (text_is_alnum(p[start - 1]) || p[start - 1] >= 0x80 ||
		(start < end && (p[start - 1] == '-' || p[start - 1] == '\''))))
		start--;
	return start < end && ((p[start] >= 'A' && p[start] <= 'Z') || p[start] >= 0x80);
}

void short_number_at(const struct text *text, size_t at, size_t end, struct sink *sink)
{
	struct token word;

	if (sink->is_name)
		return;
	/* "D-80331 München" */
	if (at >= 2 && text->bytes[at - 1] == '-') {
		if (text->bytes[at - 2] < 'A' || text->bytes[at - 2] > 'Z')
			return;

		static const char *const prefixes[] = {"D-", "A-", "CH-", "F-", "L-", "PL-", "NL-"};

		for (size_t i = 0; i < BL_COUNT(prefixes); i++) {
			size_t length = strlen(prefixes[i]), from = at - BL_MIN(at, length);
			struct token town;
			size_t done = prefixed_postcode(text, from);

			if (at - from == length &&
			    memcmp(text->bytes + from, prefixes[i], length) == 0 &&
			    text_starts_word(text, from) && starts_here(text, from) && done > at &&
			    end - at >= 4 && space_at(text, done) &&
			    read_token(text, done + space_at(text, done), &town) &&
			    town.kind == TOKEN_CAPITAL)
				add_postcode(sink, from, done);
		}
		return;
	}
	if (end - at == 4 && end + 2 < text->length && text->bytes[end] == ' ' &&
	    text->bytes[end + 1] >= 'A' && text->bytes[end + 1] <= 'Z' && starts_here(text, at))
		nl_postcode_at(text, at, end - at, sink);
	if (!follows_name(text, at))
		return;
	if ((may_be_half(text, at) && lettered_postcode_at(text, at, sink)) ||
	    us_zip_at(text, at, end - at, sink))
		return;
	if ((sink->classes & CLASS_BIT(CLASS_ADDRESS)) && read_before(text, at, false, &word) &&
	    !box_at(text, &word, end, sink) && !unit_at(text, &word, sink))
		compound_street(text, at, &word, sink);
}

/* ---- by label ------------------------------------------------------------------------------------------------------------- */

/* A number and capitalised words, or the other way, with whatever follows an address. */
static size_t match_address(const struct text *text, size_t at)
{
	size_t next = at, end = at, limit = BL_MIN(text->length, at + 160);
	unsigned numbers = 0, words = 0;

	if (!text_starts_word(text, at) || !starts_here(text, at))
		return at;
	for (unsigned i = 0; i < 10 && next < limit; i++) {
		struct token token;
		size_t gap;

		if (!read_token(text, next, &token) || token_in(no_street, text, &token))
			break;
		if (token.kind == TOKEN_LOWER && (i == 0 || !is_particle(text, &token)))
			break;
		if (token.kind == TOKEN_MIXED && i == 0)
			break;
		if (token.kind == TOKEN_NUMBER &&
		    (token.digits > 6 || (i == 0 && token.letters > 2)))
			break;
		if (token.kind != TOKEN_LOWER)
			end = token.end;
		if (token.kind == TOKEN_NUMBER && i == 1 && text->bytes[token.start - 2] == ',')
			return at; /* "Alignment, 0" of a list */
		numbers += token.kind == TOKEN_NUMBER;
		words += is_capital(&token) && token.letters >= 3;
		gap = token.end;
		if (gap < text->length && text->bytes[gap] == ',' && words)
			gap++;
		if (!space_at(text, gap))
			break;
		next = gap + space_at(text, gap);
	}
	if (!numbers || !words || is_in(" port ", text, at, end))
		return at;

	struct area area = read_area(text, end, BL_MIN(text->length, at + ADDRESS_LIMIT));

	return area.end;
}

static size_t match_postcode(const struct text *text, size_t at)
{
	struct token token;
	size_t end;

	if (!text_starts_word(text, at) || !starts_here(text, at))
		return at;
	end = postcode_end(text, at);
	if (end > at)
		return end;
	/* without its space */
	static const char *const shapes[] = {"AddAA",  "AdddAA",  "AAddAA", "AAdddAA",
					     "AdAdAA", "AAdAdAA", "AdAdAd", "ddddAA"};

	for (size_t i = 0; i < BL_COUNT(shapes); i++)
		if ((end = read_shape(text, at, shapes[i])) > at)
			return end;
	if (at + 7 > text->length || !is_in(ie_keys, text, at, at + 3) ||
	    !read_token(text, at, &token) || token.end != at + 7)
		return at;
	return token.end;
}

/* Of "D02 AF30", spaces gone. Two of the last four are letters and two digits, or near it: a word is no Eircode. */
static bool is_eircode(const char *value, size_t count)
{
	struct text text = {(const uint8_t *)value, count};
	unsigned digits = 0;

	if (count != 7 || !is_in(ie_keys, &text, 0, 3))
		return false;
	for (size_t i = 3; i < count; i++) {
		digits += text_is_digit((uint8_t)value[i]);
		if (!memchr("0123456789ACDEFHKNPRTVWXY", value[i], 25))
			return false;
	}
	return digits > 0 && digits < 4;
}

static const struct kind rows[] = {
	{.id = "ie-eircode",
	 .standard = "Eircode Address Database",
	 .class = CLASS_POSTCODE,
	 .trust = KIND_LABELLED,
	 .forms = "add xxxx|D6W xxxx",
	 .check = is_eircode,
	 .labels = "eircode|postcode|post code|postal code"},
	{.id = "postcode",
	 .standard = "UPU S42",
	 .class = CLASS_POSTCODE,
	 .trust = KIND_LABELLED,
	 .forms = "x{0,12}d",
	 .match = match_postcode,
	 .labels = "zip|zip code|zipcode|zip+4|postcode|post code|postal "
		   "code|postalcode|eircode|pin code|pincode|plz|postleitzahl|code postal|cp|"
		   "código postal|codigo postal|c p|cap|codice di avviamento postale|cep|código de "
		   "endereçamento postal|kod pocztowy|postnummer|postnr|"
		   "postinumero|psč|irányítószám|cod poștal|poštanski broj|posta kodu|почтовый "
		   "индекс|индекс|ταχυδρομικός κώδικας"},
	{.id = "address",
	 .standard = "UPU S42",
	 .class = CLASS_ADDRESS,
	 .trust = KIND_LABELLED,
	 .match = match_address,
	 .labels = "address|home address|postal address|mailing address|shipping address|billing "
		   "address|delivery address|street address|"
		   "residence|residing at|resident at|lives at|live at|living at|located at|ship "
		   "to|deliver to|moved to|"
		   "adresse|anschrift|wohnhaft|wohnhaft in|wohnt "
		   "in|lieferadresse|rechnungsadresse|wohnort|"
		   "adresse postale|domicilié|domicilié au|demeurant|habite au|domicile|"
		   "dirección|direccion|domicilio|vive en|domiciliado en|"
		   "indirizzo|residente in|residente a|residenza|abita in|"
		   "endereço|endereco|morada|residente na|residente em|mora na|"
		   "adres|woonadres|wonende te|woont in|adres zamieszkania|zamieszkały|zamieszkała|"
		   "adress|bostadsadress|bor "
		   "på|bopæl|bosted|osoite|adresa|bydliště|cím|lakcím|adres|адрес|διεύθυνση"},
};
const struct kind_table kinds_address = {rows, BL_COUNT(rows)};
