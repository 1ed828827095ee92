/*
 * Names of people, by grammar: a given name with what stands around it, titles, greetings, closings, introductions.
 *
 * A word counts by how it is written ("Kim", "KIM", "K.", never "kim" or "kimSize") and by what the table of words knows of it. A given
 * name that is nothing else counts alone; one that is a word as well ("Will", "May") counts beside a surname or an initial. Places,
 * companies and programs are what follows or precedes a name: "Victoria Street", "St. John's Hospital", "Anna.parse(".
 */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/list.h"

#include <string.h>
#include <utf8proc.h>

#define WORD_BYTES  48u /* of one word of a name; longer ones are none */
#define NAME_WORDS  6
#define ANY_NAME    ((unsigned)(WORD_GIVEN | WORD_GIVEN_TOO | WORD_SURNAME))
#define ANY_GIVEN   ((unsigned)(WORD_GIVEN | WORD_GIVEN_TOO))
#define LINE_BLANKS 48u /* between a closing and the name beneath it */

enum shape {
	SHAPE_NONE,    /* "kimSize", "Kim2", a word with an underscore */
	SHAPE_LOWER,   /* "van" */
	SHAPE_CAPITAL, /* "Kim", "O'Brien", "McKay", "Anne-Marie" */
	SHAPE_UPPER,   /* "KIM" */
	SHAPE_INITIAL, /* "K", "K." */
	SHAPE_UNCASED, /* of a script without capitals */
};

struct word {
	size_t start, end; /* of an initial the point counts */
	enum shape shape;
	unsigned sorts;
};

/* ---- lists ------------------------------------------------------------------------------------------ */

/* Words that end a name or are none, where a capital stands for other reasons. */
static const char *const stop_words[LIST_LETTERS] = {
	[LIST_LETTER('a')] =
		" a aber about above address admin administrator after again all alle also"
		" although am an and any anybody anyone appendix apr april are as at auch auf aug"
		" august aus avec ",
	[LIST_LETTER('b')] =
		" back bcc be because been before bei being below best between bitte bonjour both"
		" but by ",
	[LIST_LETTER('c')] =
		" can cannot cc chapter che client clients colleague colleagues con copyright"
		" could customer customers ",
	[LIST_LETTER('d')] =
		" damen danke dans das date de dear debug dec december dem den der des description"
		" dezember did die dienstag do does done donnerstag du during ",
	[LIST_LETTER('e')] =
		" each ein eine either el elle else email en er error es est está et euch"
		" everybody everyone example ",
	[LIST_LETTER('f')] =
		" false fax feb februar february few figure first fixme folks for freitag friday"
		" friend friends from further für ",
	[LIST_LETTER('g')] = " gentlemen get gli goes good gracias grazie guys ",
	[LIST_LETTER('h')] =
		" haben had has hat have he hello help hence her here herren hers hi him hiring"
		" his how however ",
	[LIST_LETTER('i')] = " ich if ihr il im in info into is ist it its ",
	[LIST_LETTER('j')] = " jan januar january je jul juli july jun june juni just ",
	[LIST_LETTER('k')] = " kollegen kunde kunden kundin ",
	[LIST_LETTER('l')] = " la ladies las last le les let license liebe lieber like lo los ",
	[LIST_LETTER('m')] =
		" madam madame mai mail manager many mar march may me members merci might mit"
		" mittwoch mobile monday monsieur montag more most much must my märz ",
	[LIST_LETTER('n')] =
		" nach name near neither never new next nicht no nobody non none nor not note"
		" nothing nous nov november now null ",
	[LIST_LETTER('o')] =
		" oct october oder of off oh ok okay oktober old on once one only or other our"
		" ours out over own ",
	[LIST_LETTER('p')] = " page par para part per phone please pm por possible pour ",
	[LIST_LETTER('r')] = " re readers ",
	[LIST_LETTER('s')] =
		" same samstag saturday section see sehr sender sent sep sept september service"
		" services señor señora señores she should sie signori since sind sir sirs so some"
		" somebody someone something son sonntag sont soon sorry staff step still subject"
		" such sunday support sur sure ",
	[LIST_LETTER('t')] =
		" table team tel tell than thank thanks that the their theirs them then there"
		" therefore these they this those though through thursday thus to today todo todos"
		" together toi tomorrow too tous true tu tuesday tutti ",
	[LIST_LETTER('u')] = " un una und under une until up upon us usage user users ",
	[LIST_LETTER('v')] = " valued version very via von vous ",
	[LIST_LETTER('w')] =
		" war warning warum was we wednesday well wer were what whatever when where"
		" whether which while who whom whose why wie will wir wird with within without wo"
		" world would ",
	[LIST_LETTER('y')] = " yes yesterday yet yo you your yours ",
	[LIST_LETTER('z')] = " zum zur zusammen ",
};

/* Behind a name they make it a place, a company, a thing. */
static const char *const thing_words[LIST_LETTERS] = {
	[LIST_LETTER('a')] =
		" ab academy ag agency airlines airport airways algorithm allee aps as associates"
		" association ave avenue award awards ",
	[LIST_LETTER('b')] =
		" band bank bar bay beach books boulevard bridge bros brothers browser building"
		" bureau bv ",
	[LIST_LETTER('c')] =
		" cafe castle cathedral chapel choir church cinema city clinic club co code coding"
		" coefficient college commission committee company corp corporation council county"
		" court creek cup ",
	[LIST_LETTER('d')] = " day department desert disease distribution district drive ",
	[LIST_LETTER('e')] = " effect empire engine equation ",
	[LIST_LETTER('f')] =
		" falls fc federation filter forest foundation framework function fund ",
	[LIST_LETTER('g')] = " gallery garden gardens gmbh group group's ",
	[LIST_LETTER('h')] =
		" hall harbor harbour hash highway hill hills holding holdings hospital hotel"
		" house ",
	[LIST_LETTER('i')] = " inc inn institut institute insurance island islands ",
	[LIST_LETTER('k')] = " kg kingdom krankenhaus ",
	[LIST_LETTER('l')] =
		" lake lane language law league lemma library licence license llc llp ltd ",
	[LIST_LETTER('m')] =
		" magazine matrix medal method ministry model mount mountain mountains museum ",
	[LIST_LETTER('n')] = " news number nv ",
	[LIST_LETTER('o')] = " office operator orchestra oy ",
	[LIST_LETTER('p')] =
		" palace park parkway partners platz plc polynomial port post press prize process"
		" project protocol province pub publishing ",
	[LIST_LETTER('r')] = " rd records region republic restaurant river road ",
	[LIST_LETTER('s')] =
		" sa school schule se series server society software sons sort spa space square"
		" srl st state station stiftung strasse straße street street's studio studios"
		" style syndrome ",
	[LIST_LETTER('t')] =
		" temple terrace territory test theater theatre theorem times tower town transform"
		" tree trophy trust ",
	[LIST_LETTER('u')] = " ug united university universität ",
	[LIST_LETTER('v')] = " valley verein verlag village ",
	[LIST_LETTER('w')] = " way weg ",
};

/* In front of a name they make it a place. */
static const char *const place_words[LIST_LETTERS] = {
	[LIST_LETTER('a')] = " avenida ",
	[LIST_LETTER('c')] = " calle cape ",
	[LIST_LETTER('e')] = " east el ",
	[LIST_LETTER('f')] = " fort ft ",
	[LIST_LETTER('h')] = " hms hurricane ",
	[LIST_LETTER('l')] = " lake las los ",
	[LIST_LETTER('m')] = " mount mt ",
	[LIST_LETTER('n')] = " new north ",
	[LIST_LETTER('p')] = " piazza place plaza port ",
	[LIST_LETTER('r')] = " rua rue ",
	[LIST_LETTER('s')] = " saint sainte san sankt santa sao south st são ",
	[LIST_LETTER('u')] = " uss ",
	[LIST_LETTER('v')] = " via ",
	[LIST_LETTER('w')] = " west ",
};

/* Named after people, or like them: alone they are a unit, a method, a language, a program. */
static const char *const named_after[LIST_LETTERS] = {
	[LIST_LETTER('a')] = " ampere ",
	[LIST_LETTER('b')] = " bernoulli bessel ",
	[LIST_LETTER('c')] = " chebyshev ",
	[LIST_LETTER('d')] = " dijkstra ",
	[LIST_LETTER('e')] = " euler ",
	[LIST_LETTER('f')] = " faraday fourier ",
	[LIST_LETTER('g')] = " gauss gaussian ",
	[LIST_LETTER('h')] = " hamming hermite hilbert huffman ",
	[LIST_LETTER('j')] = " joule ",
	[LIST_LETTER('k')] = " kelvin ",
	[LIST_LETTER('l')] = " lagrange laplace legendre levenshtein ",
	[LIST_LETTER('m')] = " maxwell ",
	[LIST_LETTER('n')] = " neumann newton ",
	[LIST_LETTER('p')] = " pascal poisson ",
	[LIST_LETTER('r')] = " riemann ",
	[LIST_LETTER('t')] = " turing ",
	[LIST_LETTER('v')] = " volta ",
};

/* Titles that are words as well: a known name has to follow. */
static const char *const weak_titles[LIST_LETTERS] = {
	[LIST_LETTER('a')] = " avv ",
	[LIST_LETTER('b')] = " bay ",
	[LIST_LETTER('c')] = " capt captain col colonel constable councillor ",
	[LIST_LETTER('d')] =
		" dame detective dipl dl docteur doctor don doutor doutora dr dra drs ",
	[LIST_LETTER('e')] = " egregio esq ",
	[LIST_LETTER('f')] = " fr ",
	[LIST_LETTER('g')] = " gen gentile geom gov governor ",
	[LIST_LETTER('h')] = " haji heer herre hon honorable honourable hr ",
	[LIST_LETTER('i')] = " ing inspector ir ",
	[LIST_LETTER('j')] = " judge justice ",
	[LIST_LETTER('l')] = " lady lieutenant lord lt ",
	[LIST_LETTER('m')] = " m mag maj master me miss mr ms mx ",
	[LIST_LETTER('n')] = " nurse ",
	[LIST_LETTER('o')] = " officer os ",
	[LIST_LETTER('p')] = " pan pana panu professeur professor pán ",
	[LIST_LETTER('r')] = " rag rep rev reverend ",
	[LIST_LETTER('s')] = " sen senator sergeant sgt sig sir smt sr sra sri ",
	[LIST_LETTER('u')] = " univ ",
	[LIST_OTHERS] = " úr доктор пан ",
};

/* Greetings that are words as well. */
static const char weak_greetings[] =
	" welcome thanks thank greetings morning afternoon evening tag dag tak tack takk moi oi "
	"selam bok "
	"caro cara gentile terve merci gracias grazie danke day best bästa beste morgen salut ";

static bool word_in(const char *list, const struct text *text, const struct word *word)
{
	size_t end = word->end;

	if (end > word->start && text->bytes[end - 1] == '.')
		end--;
	return list_has(list, text, word->start, end);
}

static bool word_listed(const char *const list[LIST_LETTERS], const struct text *text,
			const struct word *word)
{
	size_t end = word->end;

	if (end > word->start && text->bytes[end - 1] == '.')
		end--;
	return list_has_by_letter(list, text, word->start, end);
}

/* ---- words ------------------------------------------------------------------------------------------- */

enum letter { LETTER_NONE, LETTER_LOWER, LETTER_UPPER, LETTER_UNCASED, LETTER_MARK };

static enum letter letter_of(int32_t code)
{
	if (code < 0)
		return LETTER_NONE;
	if (code < 0x80)
		return code >= 'a' && code <= 'z'   ? LETTER_LOWER
		       : code >= 'A' && code <= 'Z' ? LETTER_UPPER
						    : LETTER_NONE;
	switch ((unsigned)utf8proc_category(code)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LT:
		return LETTER_UPPER;
	case UTF8PROC_CATEGORY_LL:
		return LETTER_LOWER;
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_LM:
		return LETTER_UNCASED;
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
		return LETTER_MARK;
	default:
		return LETTER_NONE;
	}
}

static size_t apostrophe_at(const struct text *text, size_t at)
{
	const uint8_t *p = text->bytes + at;
	size_t left = text->length - at;

	if (left && *p == '\'')
		return 1;
	return left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0x99 ? 3 : 0;
}

/* What the letters of one part are: counts, and where the second capital stands. */
struct part {
	size_t start, end;
	unsigned upper, lower, uncased;
	size_t second; /* of the first capital that is not the first letter; 0: none */
};

static void read_part(const struct text *text, size_t at, struct part *part)
{
	*part = (struct part){.start = at, .end = at};
	while (at < text->length && at - part->start <= WORD_BYTES) {
		int32_t code;
		size_t size = text_next(text, at, &code);
		enum letter letter = letter_of(code);

		if (letter == LETTER_NONE || (letter == LETTER_MARK && at == part->start))
			break;
		if (letter == LETTER_UPPER && at > part->start && !part->second)
			part->second = at;
		part->upper += letter == LETTER_UPPER;
		part->lower += letter == LETTER_LOWER;
		part->uncased += letter == LETTER_UNCASED;
		at += size;
		part->end = at;
	}
}

static bool starts_upper(const struct text *text, size_t at)
{
	int32_t code;

	if (at >= text->length)
		return false;
	text_next(text, at, &code);
	return letter_of(code) == LETTER_UPPER;
}

static enum shape shape_of(const struct text *text, const struct part *part)
{
	static const char inner[] = " mc mac de di du la le van von fitz del des ";

	if (part->end == part->start)
		return SHAPE_NONE;
	if (part->uncased)
		return part->upper + part->lower ? SHAPE_NONE : SHAPE_UNCASED;
	if (!part->upper)
		return SHAPE_LOWER;
	if (!starts_upper(text, part->start))
		return SHAPE_NONE;
	if (part->upper == 1)
		return part->lower ? SHAPE_CAPITAL : SHAPE_INITIAL;
	if (!part->lower)
		return SHAPE_UPPER;
	/* "McKay", not "JavaScript" */
	return part->upper == 2 && part->lower >= 3 &&
			       list_has(inner, text, part->start, part->second)
		       ? SHAPE_CAPITAL
		       : SHAPE_NONE;
}

/* The part behind a hyphen or an apostrophe: joins what is before it, or does not. */
static bool read_joined(const struct text *text, struct word *word)
{
	size_t gap = apostrophe_at(text, word->end);
	bool is_apostrophe = gap;
	struct part part;

	if (!gap)
		gap = word->end < text->length && text->bytes[word->end] == '-' ? 1 : 0;
	if (!gap)
		return false;
	read_part(text, word->end + gap, &part);

	enum shape shape = shape_of(text, &part);

	if (shape == SHAPE_NONE || (is_apostrophe && shape == SHAPE_LOWER))
		return false; /* "Kim's" ends before it */
	if (shape == SHAPE_INITIAL && is_apostrophe)
		return false; /* "KIM'S" */
	if (word->shape == SHAPE_INITIAL)
		word->shape = shape; /* "O'Brien", "O'BRIEN", "J-P" */
	else if (word->shape != shape && !(word->shape == SHAPE_CAPITAL && shape == SHAPE_LOWER))
		return false;
	word->end = part.end;
	return true;
}

/* Where a '.' follows an initial, it is part of it. */
static void take_point(const struct text *text, struct word *word)
{
	if (word->shape == SHAPE_INITIAL && word->end < text->length &&
	    text->bytes[word->end] == '.')
		word->end++;
}

/* The word at @at, if that begins one. */
static bool read_word(const struct text *text, size_t at, struct sink *sink, struct word *out)
{
	struct part part;
	unsigned joined = 0;

	*out = (struct word){.start = at, .end = at};
	if (at >= text->length)
		return false;
	read_part(text, at, &part);
	out->end = part.end;
	out->shape = shape_of(text, &part);
	if (out->shape == SHAPE_NONE || part.end - part.start > WORD_BYTES)
		return false;
	if (sink)
		out->sorts = word_sorts(sink, text, at, part.end);
	if (out->shape != SHAPE_LOWER && out->shape != SHAPE_UNCASED)
		while (joined++ < 3) {
			size_t before = out->end;

			if (!read_joined(text, out))
				break;
			/* of "Anne-Larsen" both count */
			if (sink && before + 1 < out->end)
				out->sorts |=
					word_sorts(sink, text, before + 1, out->end) & WORD_SURNAME;
		}
	if (out->end < text->length && (text_is_digit(text->bytes[out->end]) ||
					(text->bytes[out->end] == '_' && !(sink && sink->is_name))))
		return false;
	take_point(text, out);
	return true;
}

/* One space; in file names what stands for one. */
static size_t space_at(const struct text *text, size_t at, const struct sink *sink)
{
	const uint8_t *p = text->bytes + at;

	if (at >= text->length)
		return 0;
	if (*p == ' ')
		return 1;
	if (sink && sink->is_name && (*p == '_' || *p == '.' || *p == '-'))
		return 1;
	return at + 1 < text->length && p[0] == 0xc2 && p[1] == 0xa0 ? 2 : 0;
}

/* The word before the space before @at. */
static bool read_before(const struct text *text, size_t at, struct sink *sink, struct word *out)
{
	size_t end, start;

	if (at == 0)
		return false;
	end = at - 1;
	if (space_at(text, end, sink) != 1) {
		if (at < 2 || space_at(text, at - 2, sink) != 2)
			return false;
		end = at - 2;
	}
	start = end;
	if (start && text->bytes[start - 1] == '.')
		start--;
	while (start > 0 && end - start <= WORD_BYTES) {
		int32_t code;
		size_t size = text_before(text, start, &code);

		if (letter_of(code) == LETTER_NONE && code != '-' && code != '\'' && code != 0x2019)
			break;
		start -= size;
	}
	while (start < end && (text->bytes[start] == '-' || text->bytes[start] == '\''))
		start++;
	if (!text_starts_word(text, start))
		return false;
	return read_word(text, start, sink, out) && (out->end == end || out->end + 1 == end);
}

/* ---- what a name may stand beside ---------------------------------------------------------------------- */

static bool is_code_before(const struct text *text, size_t at, const struct sink *sink)
{
	if (at == 0 || text_follows_escape(text, at))
		return false;

	uint8_t byte = text->bytes[at - 1];

	if (sink->is_name)
		return false;
	if (byte == '.' || byte == ':') /* "e.Anna", "Lib::Anna"; not "J.Smith", "Name:Kim" */
		return at >= 2 && text->bytes[at - 2] != ' ' &&
		       !(at >= 3 && byte == '.' && starts_upper(text, at - 2) &&
			 !text_is_alnum(text->bytes[at - 3])) &&
		       !(byte == ':' && text_is_letter(text->bytes[at - 2]));
	return memchr("_/@\\$#=~`<%^+", byte, 13);
}

static bool is_code_behind(const struct text *text, size_t end, const struct sink *sink)
{
	if (end >= text->length || sink->is_name)
		return false;

	uint8_t byte = text->bytes[end];
	uint8_t next = end + 1 < text->length ? text->bytes[end + 1] : ' ';

	if (byte == '.')
		return text_is_alnum(next) || next == '_' || next == '(';
	if (byte == ':')
		return next == ':' || next == '/';
	if (byte == '-')
		return text_is_alnum(next) || next == '>';
	if (byte == '\\')
		return !memchr("nrt\"", next, 4);
	return text_is_digit(byte) || memchr("_/@$#=~`%^+([{", byte, 14);
}

/* ---- names --------------------------------------------------------------------------------------------- */

/* A name as it is read, word by word. */
struct name {
	size_t start, end;
	unsigned words; /* capitalised ones */
	unsigned initials;
	unsigned sorts; /* of all of them */
	bool is_thing;	/* a place, a company: what follows says so */
};

#define PARTICLES                                                                                  \
	" van von de der den del della dello dei degli di da do dos das du des la le les "         \
	"los las el al bin ibn bint ben abu af av zu "                                             \
	"zum zur vom ter ten te y e i lo dal dalla ní nic ua ó of the "
#define JOINERS " and und et y e i og och en "
#define OTHERS	" you again there "

const char person_between[] = PARTICLES JOINERS OTHERS;

static bool is_particle(const struct text *text, const struct word *word)
{
	static const char particles[] = PARTICLES;

	return word->shape == SHAPE_LOWER && word_in(particles, text, word) &&
	       !(word->end - word->start >= 2 &&
		 list_has(" of the ", text, word->start, word->end));
}

static bool is_thing(const struct text *text, const struct word *word)
{
	return (word->shape == SHAPE_CAPITAL || word->shape == SHAPE_UPPER) &&
	       word_listed(thing_words, text, word);
}

/* May this word stand in a name whose words are written like @like? */
static bool is_name_word(const struct text *text, const struct word *word, enum shape like)
{
	if (word_listed(stop_words, text, word))
		return false;
	switch (word->shape) {
	case SHAPE_CAPITAL:
		return like != SHAPE_UPPER || (word->sorts & ANY_NAME);
	case SHAPE_UPPER:
		return (like == SHAPE_UPPER || (word->sorts & ANY_NAME)) &&
		       word->end - word->start > 2;
	case SHAPE_UNCASED:
		return word->sorts & ANY_NAME;
	case SHAPE_INITIAL:
	case SHAPE_LOWER:
	case SHAPE_NONE:
		return false;
	}
	return false;
}

/* "Jr.", "III" */
static size_t suffix_end(const struct text *text, size_t at)
{
	struct word word;
	size_t from = at;

	if (from < text->length && text->bytes[from] == ',')
		from++;
	if (!space_at(text, from, NULL))
		return at;
	from += space_at(text, from, NULL);
	if (!read_word(text, from, NULL, &word) ||
	    !list_has(" jr sr ii iii iv phd ", text, word.start, word.end))
		return at;
	if (word.shape == SHAPE_LOWER)
		return at;
	return word.end;
}

/* Goes on behind @name->end: initials, particles, capitalised words. @like: how its first word is written. */
static void extend(const struct text *text, struct sink *sink, enum shape like, struct name *name)
{
	size_t at = name->end;
	unsigned particles = 0, initials = 0;

	for (unsigned i = 0; i < NAME_WORDS && name->words < 5; i++) {
		size_t gap = space_at(text, at, sink);
		bool after_point = at > name->start && text->bytes[at - 1] == '.';
		struct word word;

		if ((!gap && !after_point) || !read_word(text, at + gap, sink, &word))
			break;
		if (is_particle(text, &word) && particles < 3) {
			particles++;
			at = word.end;
			continue;
		}
		if (word.shape == SHAPE_INITIAL && !word_in(" i ", text, &word) && initials < 3) {
			initials++;
			at = word.end;
			if (text->bytes[at - 1] == '.' && !particles) {
				name->end = at;
				name->initials++;
			}
			continue;
		}
		if (is_thing(text, &word) && !particles && !(word.sorts & WORD_SURNAME)) {
			name->is_thing = true;
			break;
		}
		if (!is_name_word(text, &word, like) || is_code_behind(text, word.end, sink))
			break;
		name->words++;
		name->initials += initials;
		name->sorts |= word.sorts & ANY_NAME;
		name->end = at = word.end;
		particles = initials = 0;
	}
	name->end = suffix_end(text, name->end);
}

static void add_name(struct sink *sink, size_t start, size_t end)
{
	if (end > start && end - start <= SPAN_LIMIT / 2)
		sink_add(sink, start, end, CLASS_NAME, false);
}

/* ---- given names ------------------------------------------------------------------------------------- */

/* "Larsen, Kim": where the surname before the comma begins. */
static size_t inverted_start(const struct text *text, size_t start, struct sink *sink)
{
	struct word before;

	if (start < 3 || text->bytes[start - 1] != ' ' || text->bytes[start - 2] != ',')
		return start;
	/* read as if the comma were the space */
	size_t end = start - 2, at = end;

	while (at > 0 && end - at <= WORD_BYTES) {
		int32_t code;
		size_t size = text_before(text, at, &code);

		if (letter_of(code) == LETTER_NONE && code != '-' && code != '\'' && code != 0x2019)
			break;
		at -= size;
	}
	if (at == end || !text_starts_word(text, at) || !read_word(text, at, sink, &before) ||
	    before.end != end || !(before.sorts & WORD_SURNAME) || (before.sorts & ANY_GIVEN))
		return start;
	return before.shape == SHAPE_CAPITAL || before.shape == SHAPE_UPPER ? at : start;
}

/* "LARSEN Kim", "Nagy László", "Wang Wei": where the surname in front begins. */
static size_t surname_before(const struct text *text, size_t start, struct sink *sink)
{
	struct word before;

	if (!read_before(text, start, sink, &before) || !(before.sorts & WORD_SURNAME) ||
	    (before.sorts & WORD_GIVEN) || is_code_before(text, before.start, sink))
		return start;
	if (before.shape != SHAPE_CAPITAL && before.shape != SHAPE_UPPER)
		return start;
	return word_listed(stop_words, text, &before) || word_listed(place_words, text, &before)
		       ? start
		       : before.start;
}

static bool is_place(const struct text *text, size_t start)
{
	struct word before;

	return read_before(text, start, NULL, &before) && word_listed(place_words, text, &before) &&
	       before.shape != SHAPE_LOWER;
}

static bool is_good(const struct name *name, enum shape shape, unsigned sorts)
{
	if (name->is_thing)
		return name->words > 2;
	if (shape == SHAPE_UNCASED)
		return name->words > 1;
	if (shape == SHAPE_UPPER)
		return name->words > 1 && (name->sorts & WORD_SURNAME) && (name->sorts & ANY_GIVEN);
	if (sorts & WORD_GIVEN)
		return true;
	return name->words > 1 && ((name->sorts & WORD_SURNAME) || name->initials);
}

static void given_at(const struct text *text, const struct word *word, struct sink *sink)
{
	struct name name = {.start = word->start, .end = word->end, .words = 1};
	size_t front;

	extend(text, sink, word->shape, &name);
	name.sorts |= word->sorts & ANY_GIVEN;
	if (word->shape == SHAPE_UPPER)
		name.sorts |= (name.words > 1 ? 0 : word->sorts & WORD_SURNAME);
	if (is_code_behind(text, name.end, sink))
		return;
	front = inverted_start(text, word->start, sink);
	if (front == word->start && !(name.words > 1 && (name.sorts & WORD_SURNAME)))
		front = surname_before(text, word->start, sink);
	if (front < word->start) {
		name.start = front;
		name.words++;
		name.sorts |= WORD_SURNAME;
	} else if (is_place(text, word->start) &&
		   !(name.words > 1 && !name.is_thing && (name.sorts & WORD_SURNAME))) {
		return;
	}
	if (name.words == 1 && !name.initials && word_listed(named_after, text, word))
		return;
	if (is_good(&name, word->shape, word->sorts))
		add_name(sink, name.start, name.end);
}

/* ---- surnames ---------------------------------------------------------------------------------------- */

/* "J. R. R. Tolkien": where the initials begin that end before @start. */
static size_t initials_start(const struct text *text, size_t start)
{
	size_t at = start;

	for (unsigned i = 0; i < 4; i++) {
		size_t end = at;

		if (end && text->bytes[end - 1] == ' ')
			end--;
		if (end < 2 || text->bytes[end - 1] != '.' || !starts_upper(text, end - 2) ||
		    !text_starts_word(text, end - 2))
			break;
		at = end - 2;
	}
	return at;
}

/* A word that can be a given name nobody listed. */
static bool is_unlisted_given(const struct text *text, const struct word *word)
{
	return word->shape == SHAPE_CAPITAL && word->end - word->start >= 4 &&
	       !(word->sorts & ~(unsigned)WORD_SURNAME) && !word_listed(stop_words, text, word) &&
	       !word_listed(thing_words, text, word) && !word_listed(place_words, text, word);
}

static bool ends_plainly(const struct text *text, size_t end, struct sink *sink)
{
	struct word next;
	size_t gap = space_at(text, end, sink);

	if (!gap || !read_word(text, end + gap, sink, &next))
		return true;
	return next.shape == SHAPE_LOWER || word_listed(stop_words, text, &next);
}

static void surname_at(const struct text *text, const struct word *word, struct sink *sink)
{
	size_t start = initials_start(text, word->start);
	struct word before;

	if (is_code_behind(text, word->end, sink) || word->shape == SHAPE_UNCASED)
		return;
	if (start < word->start) {
		if (word->shape == SHAPE_CAPITAL && !is_code_before(text, start, sink) &&
		    ends_plainly(text, word->end, sink))
			add_name(sink, start, suffix_end(text, word->end));
		return;
	}
	if (word->shape != SHAPE_CAPITAL || word->end - word->start < 4 ||
	    !read_before(text, word->start, sink, &before) || !is_unlisted_given(text, &before) ||
	    is_code_before(text, before.start, sink) || !ends_plainly(text, word->end, sink))
		return;
	add_name(sink, before.start, suffix_end(text, word->end));
}

/*
 * A surname that is no word of any language here, alone: "Kaczmarek was asked", "Becker and Vasquez". Not beside another capitalised word, where it
 * may be a place or a company, nor in front of what is called after people ("Huffman coding").
 */
static void lone_surname_at(const struct text *text, const struct word *word, unsigned sorts,
			    struct sink *sink)
{
	struct word beside;
	size_t gap = space_at(text, word->end, sink);

	if (word->shape != SHAPE_CAPITAL || word->end - word->start < 5 || (sorts & ANY_GIVEN) ||
	    is_code_behind(text, word->end, sink) || word_listed(stop_words, text, word) ||
	    word_listed(named_after, text, word))
		return;
	if (word->end < text->length && text->bytes[word->end] == '-')
		return;
	if (gap && read_word(text, word->end + gap, sink, &beside) &&
	    (beside.shape != SHAPE_LOWER || word_listed(thing_words, text, &beside)))
		return;
	if (read_before(text, word->start, sink, &beside) && beside.shape != SHAPE_LOWER &&
	    !word_listed(stop_words, text, &beside))
		return;
	add_name(sink, word->start, word->end);
}

/* ---- titles ------------------------------------------------------------------------------------------ */

/* Behind a title: its point, a space, more titles ("Prof. Dr.", "Mr. and Mrs."). Where the name begins. */
static size_t skip_titles(const struct text *text, size_t at, struct sink *sink)
{
	for (unsigned i = 0; i < 4; i++) {
		struct word word;
		size_t gap;

		if (at < text->length && text->bytes[at] == '.')
			at++;
		gap = space_at(text, at, sink);
		at += gap;
		if (!gap && !(at && text->bytes[at - 1] == '.'))
			return text->length;
		if (at < text->length && text->bytes[at] == '&') {
			at++;
			continue;
		}
		if (!read_word(text, at, sink, &word))
			return text->length;
		if (!(word.sorts & WORD_TITLE) && !list_has(JOINERS, text, word.start, word.end))
			return at;
		if ((word.sorts & ANY_NAME) && word.shape == SHAPE_CAPITAL)
			return at;
		if (word.shape == SHAPE_INITIAL)
			return at;
		at = word.end;
	}
	return text->length;
}

static void title_at(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	struct word title = {.start = start, .end = end}, word;
	bool is_weak = word_listed(weak_titles, text, &title);
	bool has_point = end < text->length && text->bytes[end] == '.';
	size_t at = skip_titles(text, end, sink), first = at;
	struct name name;

	for (unsigned particles = 0;; particles++) {
		if (at >= text->length || particles > 3 || !read_word(text, at, sink, &word))
			return;
		if (!is_particle(text, &word))
			break;
		at = word.end + space_at(text, word.end, sink);
	}
	/* "mr", "dr" and "ms" are strong in that spelling, and programs and units in others */
	if (is_weak && list_has(" mr ms dr m hr doctor professor rev prof ", text, start, end) &&
	    starts_upper(text, start) && !(end - start > 1 && starts_upper(text, start + 1)))
		is_weak = end - start == 1;
	if (word.shape == SHAPE_INITIAL) {
		name = (struct name){.start = first, .end = word.end, .initials = 1};
		extend(text, sink, SHAPE_CAPITAL, &name);
		if (name.words && !is_weak)
			add_name(sink, name.start, name.end);
		return;
	}
	if ((word.shape != SHAPE_CAPITAL && word.shape != SHAPE_UPPER &&
	     word.shape != SHAPE_UNCASED) ||
	    word_listed(stop_words, text, &word) || is_code_behind(text, word.end, sink))
		return;
	if (word.shape == SHAPE_UPPER && !(word.sorts & ANY_NAME) && !has_point)
		return;
	if (is_weak && !(word.sorts & ANY_NAME))
		return;
	name = (struct name){.start = first, .end = word.end, .words = 1};
	extend(text, sink, word.shape, &name);
	if (name.is_thing && name.words == 1 && is_weak)
		return;
	add_name(sink, name.start, name.end);
}

/* ---- greetings ------------------------------------------------------------------------------------------ */

/* End of a line, of the text, or of what "\n" stands for in a string. */
static bool is_line_end(const struct text *text, size_t at)
{
	if (at >= text->length)
		return true;

	uint8_t byte = text->bytes[at];

	return byte == '\n' || byte == '\r' ||
	       (byte == '\\' && at + 1 < text->length && memchr("nr", text->bytes[at + 1], 2));
}

static size_t skip_spaces(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + LINE_BLANKS);

	while (at < limit && (text->bytes[at] == ' ' || text->bytes[at] == '\t'))
		at++;
	return at;
}

static bool ends_greeting(const struct text *text, size_t at, bool is_weak)
{
	if (at < text->length && memchr(",!", text->bytes[at], 2))
		return true;
	if (is_weak)
		return false;
	if (is_line_end(text, at) || memchr(":;.?", text->bytes[at], 4))
		return true;
	at = skip_spaces(text, at);
	return at < text->length && (text->bytes[at] == '-' || text->bytes[at] == 0xe2);
}

static void greeting_at(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	struct word greeting = {.start = start, .end = end}, word = {0};
	bool is_weak = word_in(weak_greetings, text, &greeting);
	size_t at = end;

	for (unsigned i = 0;; i++) {
		if (at < text->length && text->bytes[at] == ',')
			at++;
		at += space_at(text, at, sink);
		if (i > 2 || at == end || !read_word(text, at, sink, &word))
			return;
		if (!(word.sorts & (WORD_GREETING | WORD_TITLE)) &&
		    !list_has(OTHERS, text, word.start, word.end))
			break;
		if (word.sorts & ANY_NAME && word.shape == SHAPE_CAPITAL)
			break;
		at = word.end;
		if (at < text->length && text->bytes[at] == '.')
			at++;
	}

	size_t first = at;

	for (unsigned i = 0; i < 4; i++) {
		if (word.shape != SHAPE_CAPITAL || word_listed(stop_words, text, &word) ||
		    word_listed(thing_words, text, &word) || (is_weak && !(word.sorts & ANY_NAME)))
			return;
		at = word.end;
		if (ends_greeting(text, at, is_weak)) {
			add_name(sink, first, at);
			return;
		}
		at += space_at(text, at, sink);
		if (at == word.end || !read_word(text, at, sink, &word))
			return;
		if (list_has(" and und et y e och og & ", text, word.start, word.end)) {
			at = word.end + space_at(text, word.end, sink);
			if (!read_word(text, at, sink, &word))
				return;
		}
	}
}

/* ---- closings -------------------------------------------------------------------------------------------- */

/* One to four words of a name that have a line of their own from @at on; where they end, @at when it is no such line. */
static size_t lone_name_end(const struct text *text, size_t at, struct sink *sink)
{
	size_t end = at, next = at;
	unsigned words = 0;

	for (unsigned i = 0; i < NAME_WORDS; i++) {
		struct word word;

		if (!read_word(text, next, sink, &word) || word_listed(stop_words, text, &word) ||
		    word_listed(thing_words, text, &word))
			return at;
		if (word.shape == SHAPE_UPPER && !(word.sorts & ANY_NAME))
			return at;
		if (word.shape == SHAPE_LOWER && !is_particle(text, &word))
			return at;
		words += word.shape == SHAPE_CAPITAL || word.shape == SHAPE_UPPER ||
			 word.shape == SHAPE_UNCASED;
		end = word.end;
		next = end;
		if (next < text->length && memchr(".,", text->bytes[next], 2))
			next++;
		next = skip_spaces(text, next);
		if (is_line_end(text, next))
			return words >= 1 && words <= 4 ? end : at;
		if (next == end && text->bytes[end - 1] != '.')
			return at;
	}
	return at;
}

static size_t skip_line_ends(const struct text *text, size_t at, unsigned *out_lines)
{
	size_t limit = BL_MIN(text->length, at + LINE_BLANKS);

	*out_lines = 0;
	while (at < limit) {
		if (text->bytes[at] == '\n')
			++*out_lines;
		else if (text->bytes[at] == '\\' && is_line_end(text, at)) {
			*out_lines += text->bytes[at + 1] == 'n';
			at++;
		} else if (!memchr(" \t\r>-", text->bytes[at], 5)) {
			break;
		}
		at++;
	}
	return at;
}

static void closing_at(const struct text *text, size_t end, struct sink *sink)
{
	size_t at = end, name_end;
	unsigned lines;

	while (at < text->length && memchr(",.!;: \t-", text->bytes[at], 8) && at - end < 8)
		at++;
	if (is_line_end(text, at)) {
		at = skip_line_ends(text, at, &lines);
		if (lines == 0 || lines > 3)
			return;
	} else if (at == end || !memchr(text->bytes + end, ',', at - end)) {
		return; /* "Regards, Kim" has a comma */
	}
	name_end = lone_name_end(text, at, sink);
	if (name_end > at)
		add_name(sink, at, name_end);
}

/* ---- the hook -------------------------------------------------------------------------------------------- */

/* The whole of "Anne-Marie", of which [start, end) is a part; false when that part does not speak for it. */
static bool whole_word(const struct text *text, size_t start, unsigned sorts, struct sink *sink,
		       struct word *out)
{
	if (!read_word(text, start, sink, out))
		return false;
	out->sorts |= sorts;
	if (start < 2 || sink->is_name)
		return true;

	uint8_t joint = text->bytes[start - 1];

	if (joint == '-' && text_is_alnum(text->bytes[start - 2]))
		return false; /* "Jean-Luc" was read from "Jean"; "Non-Anna" is no name */
	if (joint == '\'' && starts_upper(text, start - 2) && text_starts_word(text, start - 2) &&
	    out->shape != SHAPE_LOWER) {
		/* "O'Brien" */
		size_t end = out->end;
		enum shape shape = out->shape;

		*out = (struct word){start - 2, end, shape, sorts};
	}
	return true;
}

void person_at(const struct text *text, size_t start, size_t end, unsigned sorts, struct sink *sink)
{
	struct word word;
	bool is_capital = starts_upper(text, start);

	if (!(sink->classes & CLASS_BIT(CLASS_NAME)))
		return;
	if ((sorts & ANY_NAME) && (is_capital || text->bytes[start] >= 0xd7) &&
	    whole_word(text, start, sorts, sink, &word) &&
	    (word.shape == SHAPE_CAPITAL || word.shape == SHAPE_UPPER ||
	     word.shape == SHAPE_UNCASED) &&
	    !is_code_before(text, word.start, sink)) {
		if (sorts & ANY_GIVEN)
			given_at(text, &word, sink);
		if (sorts & WORD_SURNAME) {
			surname_at(text, &word, sink);
			lone_surname_at(text, &word, sorts, sink);
		}
	}
	if (sink->is_name)
		return;
	if ((sorts & WORD_TITLE) && (is_capital || end - start > 2) &&
	    !is_code_before(text, start, sink))
		title_at(text, start, end, sink);
	if ((sorts & WORD_GREETING) && !is_code_before(text, start, sink))
		greeting_at(text, start, end, sink);
	if (sorts & WORD_CLOSING)
		closing_at(text, end, sink);
}

/* ---- by label ---------------------------------------------------------------------------------------------- */

/* One to four capitalised words from @at on, particles and initials between; where they end, @at when there are none. */
static size_t plain_name_end(const struct text *text, size_t at, unsigned least)
{
	size_t end = at, next = at;
	unsigned words = 0;

	if (!text_starts_word(text, at))
		return at;
	for (unsigned i = 0; i < NAME_WORDS && words < 4; i++) {
		struct word word;
		size_t gap;

		if (!read_word(text, next, NULL, &word) || word_listed(stop_words, text, &word))
			break;
		if (word.shape == SHAPE_NONE ||
		    (word.shape == SHAPE_LOWER && !is_particle(text, &word)))
			break;
		if (word.shape == SHAPE_UPPER && word.end - word.start < 3)
			break;
		if (word.shape != SHAPE_LOWER)
			end = word.end;
		words += word.shape == SHAPE_CAPITAL || word.shape == SHAPE_UPPER ||
			 (word.shape == SHAPE_UNCASED);
		gap = space_at(text, word.end, NULL);
		next = word.end + gap;
		if (!gap && text->bytes[word.end - 1] != '.')
			break;
	}
	if (words < least || (end < text->length && memchr("_/@\\([{=$#%", text->bytes[end], 11) &&
			      !is_line_end(text, end)))
		return at;
	return end;
}

/* Is the byte before @at, spaces and quotes aside, ':' or '='? */
static bool is_assigned(const struct text *text, size_t at)
{
	size_t limit = at > 16 ? at - 16 : 0;

	while (at > limit && memchr(" \t\"'*", text->bytes[at - 1], 5))
		at--;
	if (at == 0)
		return false;
	if (text->bytes[at - 1] == ':' || text->bytes[at - 1] == '=')
		return true;
	return at >= 3 &&
	       memcmp(text->bytes + at - 3, "\xef\xbc\x9a", 3) == 0; /* full-width colon */
}

static size_t match_assigned(const struct text *text, size_t at)
{
	return is_assigned(text, at) ? plain_name_end(text, at, 1) : at;
}

/* The verb that ends an introduction stands directly before. */
static size_t match_introduced(const struct text *text, size_t at)
{
	static const char verbs[] =
		" is am i'm i’m im are's heiße heisse ist bin appelle suis llamo soy nombre es "
		"chiamo sono chama sou heet heter hedder nimeni on "
		"nazywam jestem jmenuji ime je numesc зовут является ";
	struct word word;
	size_t start = at, end;

	if (at < 2 || !space_at(text, at - 1, NULL))
		return at;
	end = --start;
	while (start > 0 && end - start < 16 && text->bytes[start - 1] != ' ' &&
	       text->bytes[start - 1] != '\n')
		start--;
	if (!list_has(verbs, text, start, end))
		return at;
	if (!read_word(text, at, NULL, &word) || word.shape == SHAPE_UPPER)
		return at;
	end = plain_name_end(text, at, 1);

	/* "I am German", "I'm British" */
	size_t length = end - at;
	const uint8_t *p = text->bytes + end;

	if (length > 5 && word.end == end &&
	    (memcmp(p - 3, "ese", 3) == 0 || memcmp(p - 3, "ish", 3) == 0 ||
	     memcmp(p - 3, "ian", 3) == 0 || memcmp(p - 3, "can", 3) == 0 ||
	     memcmp(p - 3, "man", 3) == 0) &&
	    list_has(" am i'm i’m im bin suis soy sono sou ", text, start, at - 1))
		return at;
	return end;
}

/* "Kim Larsen <" of an address in headers and quotes. */
static size_t match_mailbox(const struct text *text, size_t at)
{
	size_t end = plain_name_end(text, at, 1), from = end;

	if (from == at)
		return at;
	if (from < text->length && text->bytes[from] == '"')
		from++;
	from = skip_spaces(text, from);
	if (from >= text->length || (text->bytes[from] != '<' && text->bytes[from] != '['))
		return at;
	for (size_t i = from; i < text->length && i - from < 96 && text->bytes[i] != '\n'; i++)
		if (text->bytes[i] == '@')
			return end;
	return at;
}

/* "Kim Larsen wrote:" */
static size_t match_writer(const struct text *text, size_t at)
{
	return plain_name_end(text, at, 2);
}

/* Two to five characters of Chinese, Japanese or Korean behind a colon. */
static size_t match_ideographs(const struct text *text, size_t at)
{
	size_t end = at;
	unsigned count = 0;

	if (!is_assigned(text, at))
		return at;
	while (end < text->length && count < 7) {
		int32_t code;
		size_t size = text_next(text, end, &code);

		if (!((code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3041 && code <= 0x30ff) ||
		      (code >= 0xac00 && code <= 0xd7a3) || code == 0x3005))
			break;
		end += size;
		count++;
	}
	return count >= 2 && count <= 6 ? end : at;
}

#define NAME_ROW(ident, function, words)                                                           \
	{                                                                                          \
		.id = ident, .standard = "names as written", .class = CLASS_NAME,                  \
		.trust = KIND_LABELLED, .match = function, .labels = words                         \
	}

static const struct kind rows[] = {
	NAME_ROW("name-assigned", match_assigned,
		 "full name|first name|last name|given name|family name|surname|maiden "
		 "name|customer|customer name|client|client name|"
		 "patient|patient name|contact|contact name|contact person|applicant|applicant "
		 "name|employee|employee name|attn|attention|"
		 "signed|signed by|recipient|recipient name|beneficiary|account holder|account "
		 "name|card holder|cardholder|cardholder name|name on card|"
		 "payee|insured|policyholder|policy holder|tenant|next of kin|emergency "
		 "contact|guardian|spouse|doctor|physician|caller|"
		 "passenger|guest|guest name|student|student "
		 "name|technician|witness|buyer|seller|borrower|ship to|bill to|sold to|deliver to|"
		 "vorname|nachname|familienname|geburtsname|kunde|kundin|kundenname|auftraggeber|"
		 "ansprechpartner|ansprechpartnerin|patientin|"
		 "mitarbeiter|mitarbeiterin|kontoinhaber|karteninhaber|empfänger|empfängerin|"
		 "antragsteller|antragstellerin|versicherter|versicherungsnehmer|"
		 "z hd|zu händen|gezeichnet|gez|mieter|mieterin|inhaber|"
		 "nom|prénom|nom et prénom|nom de famille|nom "
		 "complet|destinataire|titulaire|titulaire du compte|bénéficiaire|salarié|employé|"
		 "à l'attention de|signé|locataire|assuré|"
		 "nombre|nombre completo|nombre y "
		 "apellidos|apellido|apellidos|cliente|paciente|titular|titular de la "
		 "cuenta|beneficiario|"
		 "destinatario|empleado|firmado|contacto|solicitante|"
		 "nome|cognome|nome e "
		 "cognome|nominativo|intestatario|paziente|dipendente|firmato|referente|"
		 "nome completo|sobrenome|apelido|funcionário|favorecido|contato|"
		 "naam|voornaam|achternaam|klant|patiënt|contactpersoon|rekeninghouder|t a v|"
		 "imię|nazwisko|imię i nazwisko|klient|pacjent|odbiorca|jméno|příjmení|zákazník|"
		 "förnamn|efternamn|namn|kund|fornavn|etternavn|efternavn|navn|kunde "
		 "navn|nimi|etunimi|sukunimi|asiakas|"
		 "имя|фамилия|фио|клиент|пациент|όνομα|επώνυμο|ονοματεπώνυμο|adı|soyadı|ad "
		 "soyad|müşteri"),
	NAME_ROW("name-care-of", match_assigned, "c/o|care of"),
	NAME_ROW("name-introduced", match_introduced,
		 "my name is|name is|i am|i'm|this is|his name is|her name is|their name is|names "
		 "are|ich heiße|ich heisse|mein name ist|"
		 "name ist|heißt|je m'appelle|m'appelle|mon nom est|me llamo|mi nombre es|se "
		 "llama|nombre es|mi chiamo|il mio nome è|"
		 "si chiama|meu nome é|me chamo|chamo me|ik heet|mijn naam is|jag heter|mitt namn "
		 "är|jeg heter|jeg hedder|mit navn er|"
		 "nimeni on|nazywam się|mam na imię|jmenuji se|zovem se|меня зовут|мене "
		 "звати|benim adım|adım"),
	NAME_ROW("name-mailbox", match_mailbox,
		 "cc|bcc|reply-to|sender|on behalf "
		 "of|absender|kopie|expéditeur|remitente|mittente|remetente|afzender|avsändare|"
		 "avsender|afsender"),
	NAME_ROW("name-ideographs", match_ideographs,
		 "氏名|名前|お名前|姓名|姓|名|患者|患者名|お客様名|担当|担当者|联系人|收件人|客户|"
		 "收货人|이름|성명|고객명|환자명"),
	{.id = "name-writer",
	 .standard = "names as written",
	 .class = CLASS_NAME,
	 .trust = KIND_LABELLED,
	 .match = match_writer,
	 .after = "wrote|schrieb|a écrit|escribió|ha "
		  "scritto|escreveu|schreef|skrev|napisał|napisała|пишет"},
};
const struct kind_table kinds_person = {rows, BL_COUNT(rows)};
