/*
 * Dates of birth, by label: ISO 8601, the orders of day, month and year that CLDR lists for the languages here, names of months, two-digit
 * years. A date counts when the calendar has it (in either order of day and month) and somebody alive, or lately so, may be born on it.
 */
#include "policy/detect/kind.h"

#include <string.h>

#define YEAR_LEAST 1890
#define YEAR_MOST  2035 /* no clock here: whoever reads this later raises it */
#define WORD_LIMIT 24

/* English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Danish, Norwegian, Finnish, Czech, Hungarian, Romanian, Turkish; folded,
 * longer than these letters or exactly they */
static const char *const months[12] = {
	"|january|jan|januar|janner|janvier|janv|enero|ene|gennaio|gen|janeiro|januari|styczen|"
	"stycznia|sty|tammikuuta|ledna|leden|ianuarie|ocak|",
	"|february|feb|februar|feber|fevrier|fevr|fev|febrero|febbraio|fevereiro|februari|luty|"
	"lutego|lut|helmikuuta|unora|unor|februarie|subat|",
	"|march|mar|marz|maerz|mrz|mars|marzo|marco|maart|mrt|marzec|marca|maaliskuuta|brezna|"
	"brezen|martie|mart|",
	"|april|apr|avril|avr|abril|abr|aprile|kwiecien|kwietnia|kwi|huhtikuuta|dubna|duben|"
	"aprilie|nisan|",
	"|may|mai|mayo|maggio|mag|maio|mei|maj|maja|toukokuuta|kvetna|kveten|mayis|",
	"|june|jun|juni|juin|junio|giugno|giu|junho|czerwiec|czerwca|cze|kesakuuta|cervna|cerven|"
	"iunie|haziran|",
	"|july|jul|juli|juillet|juil|julio|luglio|lug|julho|lipiec|lipca|lip|heinakuuta|cervence|"
	"cervenec|iulie|temmuz|",
	"|august|aug|aout|agosto|ago|augustus|sierpien|sierpnia|sie|augusti|elokuuta|srpna|srpen|"
	"agustos|",
	"|september|sept|sep|septembre|septiembre|setiembre|settembre|set|setembro|wrzesien|"
	"wrzesnia|wrz|syyskuuta|zari|septembrie|eylul|",
	"|october|oct|oktober|okt|octobre|octubre|ottobre|ott|outubro|out|pazdziernik|"
	"pazdziernika|paz|lokakuuta|rijna|rijen|octombrie|ekim|",
	"|november|nov|novembre|noviembre|novembro|listopad|listopada|lis|marraskuuta|listopadu|"
	"noiembrie|kasim|",
	"|december|dec|dezember|dez|decembre|diciembre|dic|dicembre|dezembro|grudzien|grudnia|gru|"
	"joulukuuta|prosince|prosinec|decembrie|aralik|",
};

static uint8_t byte_at(const struct text *text, size_t at)
{
	return at < text->length ? text->bytes[at] : 0;
}

/* ---- numbers and words ---------------------------------------------------------------------------- */

struct number {
	unsigned value, digits;
};

/* Where the number at @at ends. */
static size_t read_number(const struct text *text, size_t at, struct number *out)
{
	*out = (struct number){0};
	for (; out->digits < 9 && text_is_digit(byte_at(text, at)); at++, out->digits++)
		out->value = out->value * 10 + (unsigned)(text->bytes[at] - '0');
	return at;
}

static bool is_year(const struct number *year)
{
	return year->digits == 2 ||
	       (year->digits == 4 && year->value >= YEAR_LEAST && year->value <= YEAR_MOST);
}

static bool exists(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	/* Of two digits the century is not known. */
	return month != 2 || day < 29 || year < 100 ||
	       (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool is_date(const struct number *year, const struct number *month, const struct number *day)
{
	return is_year(year) && month->digits <= 2 && day->digits <= 2 &&
	       exists(year->value, month->value, day->value);
}

static size_t skip_blanks(const struct text *text, size_t at)
{
	for (unsigned i = 0; i < 3; i++) {
		if (byte_at(text, at) == ' ' || byte_at(text, at) == '\t')
			at++;
		else if (byte_at(text, at) == 0xc2 && byte_at(text, at + 1) == 0xa0)
			at += 2;
	}
	return at;
}

/* The word at @at, folded, '|' on both sides; where it ends, @at when it is none or a long one. */
static size_t read_word(const struct text *text, size_t at, char out[WORD_LIMIT + FOLD_LIMIT + 3])
{
	size_t end = at, length = 0;

	out[length++] = '|';
	while (end < text->length && length < WORD_LIMIT) {
		int32_t code;
		size_t size = text_next(text, end, &code);

		if (!text_is_word(code) || (code >= '0' && code <= '9'))
			break;
		length += text_fold(code, out + length);
		end += size;
	}
	if (length >= WORD_LIMIT)
		return at;
	out[length++] = '|';
	out[length] = '\0';
	return end;
}

/* Over one word of @words, "|of|de|", where it stands. */
static size_t skip_word(const struct text *text, size_t at, const char *words)
{
	char word[WORD_LIMIT + FOLD_LIMIT + 3];
	size_t end = read_word(text, at, word);

	return end > at && strstr(words, word) ? end : at;
}

static size_t read_month(const struct text *text, size_t at, struct number *out)
{
	char word[WORD_LIMIT + FOLD_LIMIT + 3];
	size_t end = read_word(text, at, word);

	*out = (struct number){0};
	for (unsigned i = 0; end > at && i < 12; i++)
		if (strstr(months[i], word)) {
			*out = (struct number){i + 1, 2};
			return end;
		}
	return at;
}

/* ---- forms ------------------------------------------------------------------------------------------ */

/* '-', '.', '/', blanks, hyphens of U+2010 to U+2013; each with blanks around. @out_sign: which */
static size_t read_sign(const struct text *text, size_t at, uint8_t *out_sign)
{
	size_t end = skip_blanks(text, at);
	uint8_t byte = byte_at(text, end);

	*out_sign = ' ';
	if (byte == '-' || byte == '.' || byte == '/') {
		*out_sign = byte;
		end = skip_blanks(text, end + 1);
	} else if (byte == '\\' && byte_at(text, end + 1) == '/') { /* as JSON may write it */
		*out_sign = '/';
		end += 2;
	} else if (byte == 0xe2 && byte_at(text, end + 1) == 0x80 &&
		   byte_at(text, end + 2) >= 0x90 && byte_at(text, end + 2) <= 0x93) {
		*out_sign = '-';
		end += 3;
	}
	return end;
}

/* "1976-07-04", "4.7.1976", "07/04/76", "04 07 1976" */
static size_t match_numbers(const struct text *text, size_t at)
{
	struct number parts[3];
	uint8_t signs[2];
	size_t end = at;

	for (unsigned i = 0; i < 3; i++) {
		size_t from = end;

		end = read_number(text, from, &parts[i]);
		if (end == from)
			return at;
		if (i == 2)
			break;
		from = end;
		end = read_sign(text, from, &signs[i]);
		if (end == from)
			return at;
	}
	if (signs[0] != signs[1] ||
	    (signs[0] == ' ' && (parts[0].digits < 2 || parts[1].digits < 2)))
		return at;
	if (is_date(&parts[2], &parts[1], &parts[0]) || is_date(&parts[2], &parts[0], &parts[1]) ||
	    is_date(&parts[0], &parts[1], &parts[2]))
		return end;
	return at;
}

/* "19760704", "04071976", "040776" */
static size_t match_digits(const struct text *text, size_t at)
{
	struct number all;
	size_t end = read_number(text, at, &all);
	unsigned v = all.value;
	bool fits = false;

	if (all.digits == 8)
		fits = (v / 10000 >= YEAR_LEAST && v / 10000 <= YEAR_MOST &&
			exists(v / 10000, v / 100 % 100, v % 100)) ||
		       (v % 10000 >= YEAR_LEAST && v % 10000 <= YEAR_MOST &&
			(exists(v % 10000, v / 10000 % 100, v / 1000000) ||
			 exists(v % 10000, v / 1000000, v / 10000 % 100)));
	else if (all.digits == 6)
		fits = exists(0, v / 100 % 100, v / 10000) || exists(0, v / 10000, v / 100 % 100) ||
		       exists(0, v / 100 % 100, v % 100);
	return fits ? end : at;
}

/* Between the parts of a date in words: blanks, ',', '.', '-', '/', "of", "de", an apostrophe in front of a year */
static size_t skip_joint(const struct text *text, size_t at)
{
	for (unsigned i = 0; i < 4; i++) {
		uint8_t byte = byte_at(text, at);

		if (byte != 0 && memchr(" ,.-/\t'", byte, 7))
			at++;
		else
			at = skip_word(text, skip_blanks(text, at), "|of|de|del|the|di|do|");
	}
	return at;
}

/* "4th", "1er", "1º", "4." */
static size_t skip_ordinal(const struct text *text, size_t at)
{
	size_t end = skip_word(text, at, "|st|nd|rd|th|er|re|o|a|e|");

	if (end == at && byte_at(text, at) == 0xc2 &&
	    (byte_at(text, at + 1) == 0xba || byte_at(text, at + 1) == 0xaa ||
	     byte_at(text, at + 1) == 0xb0))
		end = at + 2;
	return end;
}

/* "4 July 1976", "4. Juli 1976", "1er janvier 1976", "4 de julio de 1976", "04-JUL-76" */
static size_t match_day_first(const struct text *text, size_t at)
{
	struct number day, month, year;
	size_t end = read_number(text, at, &day), next;

	if (end == at || day.digits > 2)
		return at;
	next = skip_joint(text, skip_ordinal(text, end));
	end = read_month(text, next, &month);
	if (end == next)
		return at;
	end = read_number(text, skip_joint(text, end), &year);
	return is_date(&year, &month, &day) ? end : at;
}

/* "July 4th, 1976", "July 4 1976" */
static size_t match_month_first(const struct text *text, size_t at)
{
	struct number day, month, year;
	size_t end = read_month(text, at, &month), next;

	if (end == at)
		return at;
	next = skip_joint(text, end);
	end = read_number(text, next, &day);
	if (end == next || day.digits > 2)
		return at;
	next = skip_joint(text, skip_ordinal(text, end));
	end = read_number(text, next, &year);
	return end > next && is_date(&year, &month, &day) ? end : at;
}

/* "1976 July 4", "1976. július 4.", and with the characters for year, month and day of Chinese, Japanese and Korean */
static size_t match_year_first(const struct text *text, size_t at)
{
	static const char *const signs[3][3] = {{"年", "년"}, {"月", "월"}, {"日", "일"}};
	struct number parts[3];
	size_t end = read_number(text, at, &parts[0]), next;

	if (parts[0].digits != 4)
		return at;
	next = skip_joint(text, end);
	end = read_month(text, next, &parts[1]);
	if (end > next) {
		next = skip_joint(text, end);
		end = read_number(text, next, &parts[2]);
		return end > next && is_date(&parts[0], &parts[1], &parts[2]) ? end : at;
	}
	end = at;
	for (unsigned i = 0; i < 3; i++) {
		next = read_number(text, end, &parts[i]);
		if (next == end || text->length - next < 3 ||
		    (memcmp(text->bytes + next, signs[i][0], 3) != 0 &&
		     memcmp(text->bytes + next, signs[i][1], 3) != 0))
			return at;
		end = skip_blanks(text, next + 3);
	}
	return is_date(&parts[0], &parts[1], &parts[2]) ? next + 3 : at;
}

/* Is there more of a number, or of a word, behind? A time may follow: "1976-07-04T00:00:00". */
static bool ends_there(const struct text *text, size_t end)
{
	uint8_t byte = byte_at(text, end);

	if (text_is_digit(byte))
		return false;
	if (byte == 'T' && text_is_digit(byte_at(text, end + 1)))
		return true;
	if ((byte == '-' || byte == '/' || byte == '.') && text_is_digit(byte_at(text, end + 1)))
		return false;
	return byte >= 0x80 || text_ends_word(text, end);
}

static bool starts_there(const struct text *text, size_t at)
{
	if (!text_starts_word(text, at))
		return false;
	return at < 2 || !text_is_digit(text->bytes[at - 2]) ||
	       !memchr("-./", text->bytes[at - 1], 3);
}

/* Behind the longest name of a month, if that comes first, a number follows. Most words are told from this, and never looked up. */
#define NUMBER_WITHIN 48u
static bool may_have_number(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + NUMBER_WITHIN);

	for (; at < limit; at++)
		if (text_is_digit(text->bytes[at]) || text->bytes[at] >= 0x80)
			return true;
	return false;
}

static size_t match_birth(const struct text *text, size_t at)
{
	static kind_match_fn *const forms[] = {match_numbers, match_day_first, match_month_first,
					       match_year_first, match_digits};

	if (!starts_there(text, at) || !may_have_number(text, at))
		return at;
	for (size_t i = 0; i < BL_COUNT(forms); i++) {
		size_t end = forms[i](text, at);

		if (end > at && ends_there(text, end))
			return end;
	}
	return at;
}

static const struct kind rows[] = {
	{.id = "date-of-birth",
	 .standard = "ISO 8601-1:2019, CLDR dates",
	 .class = CLASS_DATE_OF_BIRTH,
	 .trust = KIND_LABELLED,
	 .forms = "x{0,47}d",
	 .match = match_birth,
	 .labels =
		 "date of birth|dates of birth|dob|d.o.b|d o b|d/o/b|birth date|birthdate|birthday|"
		 "birth day|bday|b-day|date born|born|was born|born on|born in|birth|"
		 "geburtsdatum|geburtstag|geboren|geboren am|geborene|geborener|geb|geb. am|geb.-"
		 "datum|gebdatum|gebdat|geb.dat|geb datum|né|née|né le|née le|né(e) le|nés le|"
		 "date de naissance|ddn|naissance|anniversaire|fecha de nacimiento|fecha "
		 "nacimiento|fec. nac|fecha nac|f. nac|f. nacimiento|nacimiento|nacido|nacida|"
		 "nacido el|nacida el|nació el|nació|cumpleaños|data di nascita|nascita|nato il|"
		 "nata il|nato a|nata a|nato|nata|compleanno|data de nascimento|data nascimento|"
		 "data de nasc|nascimento|nascido em|nascida em|nascido a|nascida a|nasceu em|"
		 "nascido|nascida|aniversário|dt. nasc|dt nasc|geboortedatum|geboorte datum|"
		 "geboren op|geb. datum|geb.datum|verjaardag|data urodzenia|ur.|ur|urodzony|"
		 "urodzona|urodzony dnia|urodzona dnia|data ur|urodziny|födelsedatum|född|född "
		 "den|födelsedag|fødselsdato|født|født den|fødselsdag|syntymäaika|"
		 "syntymäpäivä|syntynyt|s. aika|datum narození|narozen|narozena|nar|nar.|dátum "
		 "narodenia|narodený|narodená|születési idő|születési dátum|született|szül|data "
		 "nașterii|născut|născută|doğum tarihi|doğum günü|datum rođenja|rođen|rođena|"
		 "datum rojstva|rojen|rojena|ημερομηνία γέννησης|дата рождения|родился|родилась|"
		 "д.р|день рождения|дата народження|дата на раждане|gimimo data|dzimšanas "
		 "datums|sünniaeg|dáta breithe|fecha de naixement|data de naixement|nascut el|"
		 "出生日期|生日|生年月日|誕生日|생년월일|생일|تاريخ الميلاد|תאריך לידה|जन्म "
		 "तिथि|जन्म "
		 "दिनांक|janm tithi",
	 .after = "born|geboren|date of birth|dob|birthday|geburtsdatum|né|née|nacido|nacida"},
};
const struct kind_table kinds_birth = {rows, BL_COUNT(rows)};
