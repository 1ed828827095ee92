/* What the name of a field says, and the labels of plain text: "Name: Ada Lovelace", "password=...", "\"phone\": \"...\"" */
#include "policy/detect/field.h"
#include "policy/detect/kind.h"

#include <endian.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------------ */

#define NAME_WORDS   10u
#define NAME_LETTERS 64u

struct name {
	char letters[NAME_LETTERS]; /* all words joined */
	uint8_t starts[NAME_WORDS + 1];
	size_t count;
};

/* Lower case, marks dropped, cut at separators, digits and humps ("dateOfBirth", "IPAddress"). */
static bool read_name(const uint8_t *bytes, size_t length, struct name *out)
{
	struct text text = {bytes, length};
	size_t used = 0;
	bool is_open = false;
	int32_t code = 0;

	out->count = 0;
	for (size_t at = 0, step; at < length; at += step) {
		char folded[FOLD_LIMIT];
		size_t size = 0;
		uint8_t byte = bytes[at];

		step = byte < 0x80 ? 1 : text_next(&text, at, &code);
		if (text_is_letter(byte)) {
			bool is_upper = byte < 'a';
			bool was_lower = at > 0 && bytes[at - 1] >= 'a' && bytes[at - 1] <= 'z';
			bool was_upper = at > 0 && bytes[at - 1] >= 'A' && bytes[at - 1] <= 'Z';
			bool is_lower_next =
				at + 1 < length && bytes[at + 1] >= 'a' && bytes[at + 1] <= 'z';

			if (is_upper && (was_lower || (was_upper && is_lower_next)))
				is_open = false;
			folded[0] = (char)(byte | 0x20);
			size = 1;
		} else if (byte >= 0x80 && code >= 0x80 && text_is_word(code)) {
			size = text_fold(code, folded);
		}
		if (!size) {
			is_open = false;
			continue;
		}
		if (!is_open) {
			if (out->count == NAME_WORDS)
				return false;
			out->starts[out->count++] = (uint8_t)used;
			is_open = true;
		}
		if (used + size > NAME_LETTERS)
			return false;
		memcpy(out->letters + used, folded, size);
		used += size;
	}
	out->starts[out->count] = (uint8_t)used;
	return out->count > 0;
}

/* Words are compared eight bytes at a time, as numbers: at most KEY_LIMIT bytes of them. */
#define KEY_LIMIT 32u
struct key {
	uint64_t parts[KEY_LIMIT / 8];
};

static uint64_t read_part(const char *bytes)
{
	uint64_t part;

	memcpy(&part, bytes, sizeof(part));
	return be64toh(part);
}

/* @length < KEY_LIMIT letters; zeros behind them */
static struct key make_key(const char *letters, size_t length)
{
	char padded[KEY_LIMIT] = "";
	struct key key;

	memcpy(padded, letters, length);
	for (size_t i = 0; i < BL_COUNT(key.parts); i++)
		key.parts[i] = read_part(padded + 8 * i);
	return key;
}

/* As strcmp, of a word of @size bytes, zeros at its end, 8 and more. */
static int compare(const struct key *key, const char *word, size_t size)
{
	size_t i = 0;

	for (; 8 * (i + 1) <= size; i++) {
		uint64_t part = read_part(word + 8 * i);

		if (key->parts[i] != part)
			return key->parts[i] < part ? -1 : 1;
	}
	if (8 * i == size)
		return 0;

	/* The last bytes, with some again that were the same. */
	size_t rest = size - 8 * i;
	uint64_t part = read_part(word + size - 8) << (64 - 8 * rest);

	return key->parts[i] < part ? -1 : key->parts[i] > part;
}

/* Is one of the words of that hash? */
static bool has_bit(const uint64_t *bits, unsigned count, unsigned hash)
{
	return bits[hash % count / 64] >> (hash % 64) & 1;
}

static const struct field_word *find_word(const char *letters, size_t length)
{
	size_t low = 0, high = field_word_count;
	struct key key;

	if (length < 2 || length >= sizeof(field_words->word) ||
	    !has_bit(field_word_bits, FIELD_WORD_BITS, field_hash(letters, length)))
		return NULL;
	key = make_key(letters, length);
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(&key, field_words[middle].word, sizeof(field_words->word));

		if (!order)
			return &field_words[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The first qualifier that is not before the @length letters. */
static size_t first_qualifier(const char *letters, size_t length)
{
	size_t low = 0, high = field_qualifier_count;
	struct key key = make_key(letters, length);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(&key, field_qualifiers[middle].word, sizeof(field_qualifiers->word)) >
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_word(const char *letters, size_t length, const char *word, size_t size)
{
	return length < size && memcmp(letters, word, length) == 0 && !word[length];
}

static const struct field_qualifier_word *find_qualifier(const char *letters, size_t length)
{
	size_t at;

	if (length == 0 || length >= sizeof(field_qualifiers->word) ||
	    !has_bit(field_qualifier_bits, FIELD_QUALIFIER_BITS, field_hash(letters, length)))
		return NULL;
	at = first_qualifier(letters, length);
	return at < field_qualifier_count && is_word(letters, length, field_qualifiers[at].word,
						     sizeof(field_qualifiers->word))
		       ? &field_qualifiers[at]
		       : NULL;
}

/* What exports put behind a name: "Phone 1 - Value", "Name (Latin)", "phone_home". */
static bool is_trailer(const char *letters, size_t length)
{
	static const char trailers[][10] = {
		"value", "formatted", "yomi",	 "kana",   "kanji",    "latin", "home",
		"work",	 "mobile",    "private", "privat", "primary",  "other", "personal",
		"cell",	 "number",    "no",	 "nr",	   "business", "main",	"text",
		"field", "input",     "line",	 "nummer", "raw",      "str",	"string",
		"fijo",	 "portable",  "fixe",	 "dienst", "privado",
	};

	for (size_t i = 0; i < BL_COUNT(trailers); i++)
		if (letters[0] == trailers[i][0] &&
		    is_word(letters, length, trailers[i], sizeof(trailers[i])))
			return true;
	return false;
}

/* "customer", "home", "app" in front of @word: what does that make of it? */
static struct field_rule qualify(const struct field_word *word, enum field_qualifier sort)
{
	struct field_rule rule = {word->class, word->strength};

	switch (sort) {
	case QUALIFIER_PERSON:
		if (rule.strength == FIELD_WEAK || rule.strength == FIELD_BESIDE)
			rule.strength = FIELD_SURE;
		break;
	case QUALIFIER_THING:
		if (rule.strength == FIELD_BESIDE ||
		    (rule.strength == FIELD_WEAK && rule.class == CLASS_NAME))
			return FIELD_NONE;
		break;
	case QUALIFIER_NEUTRAL:
		break;
	}
	return rule;
}

/* Words [from, to) of @name, qualifiers in front. */
static struct field_rule rule_of_words(const struct name *name, size_t to)
{
	size_t end = name->starts[to];
	enum field_qualifier sort = QUALIFIER_NEUTRAL;

	for (size_t from = 0; from < to; from++) {
		size_t start = name->starts[from];
		const struct field_word *word = find_word(name->letters + start, end - start);

		if (word)
			return qualify(word, sort);

		const struct field_qualifier_word *qualifier = find_qualifier(
			name->letters + start, (size_t)name->starts[from + 1] - start);

		if (!qualifier)
			return FIELD_NONE;
		if (qualifier->sort == QUALIFIER_PERSON || sort == QUALIFIER_NEUTRAL)
			sort = qualifier->sort;
	}
	return FIELD_NONE;
}

/* "customeremail", "useraddress": no gap tells where the qualifier ends. */
static struct field_rule rule_of_joined(const struct name *name)
{
	size_t end = name->starts[name->count];

	if (name->count != 1 || end < 7)
		return FIELD_NONE;
	/* Those that begin as it does are in a row, the shortest first. */
	for (size_t i = first_qualifier(name->letters, 4); i < field_qualifier_count; i++) {
		const struct field_qualifier_word *qualifier = &field_qualifiers[i];
		size_t cut = strlen(qualifier->word);
		const struct field_word *word;

		if (memcmp(qualifier->word, name->letters, 4) != 0)
			break;
		if (cut >= 12 || cut + 3 > end || memcmp(qualifier->word, name->letters, cut) != 0)
			continue;
		word = find_word(name->letters + cut, end - cut);
		if (word && (qualifier->sort == QUALIFIER_PERSON || word->strength == FIELD_SURE))
			return qualify(word, qualifier->sort);
	}
	return FIELD_NONE;
}

static struct field_rule rule_of_part(const uint8_t *bytes, size_t length)
{
	struct name name;
	struct field_rule rule;

	if (!read_name(bytes, length, &name))
		return FIELD_NONE;
	for (size_t to = name.count;; to--) {
		rule = rule_of_words(&name, to);
		if (rule.class != CLASS_COUNT || to == 1)
			break;

		size_t last = name.starts[to - 1];

		if (!is_trailer(name.letters + last, name.starts[to] - last))
			break;
	}
	return rule.class != CLASS_COUNT ? rule : rule_of_joined(&name);
}

struct field_rule field_rule(const uint8_t *name, size_t length)
{
	if (length < 2 || length > FIELD_NAME)
		return FIELD_NONE;

	struct field_rule rule = rule_of_part(name, length);

	if (rule.class != CLASS_COUNT)
		return rule;
	/* "spring.datasource.password", "ns:Phone": the last part speaks for itself, unless it is a mere "name". */
	for (size_t at = length - 1; at > 0; at--) {
		if (name[at] != '.' && name[at] != ':' && name[at] != '/')
			continue;
		rule = rule_of_part(name + at + 1, length - at - 1);
		if (name[at] != ':' && rule.strength != FIELD_SURE)
			return FIELD_NONE;
		return rule;
	}
	return FIELD_NONE;
}

unsigned detect_field_class(const char *name, size_t length)
{
	return field_rule((const uint8_t *)name, length).class;
}

struct field_rule field_remember(struct field_memo *memo, const uint8_t *name, size_t length)
{
	uint32_t hash = 2166136261u; /* FNV-1a, of the ends and the length */

	if (length < 2 || length > sizeof(memo->items->name))
		return field_rule(name, length);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ name[i]) * 16777619u;

	size_t slot = (hash ^ hash >> 16) % FIELD_MEMO;

	if (memo->items[slot].length != length ||
	    memcmp(memo->items[slot].name, name, length) != 0) {
		memo->items[slot].length = (uint8_t)length;
		memcpy(memo->items[slot].name, name, length);
		memo->items[slot].rule = field_rule(name, length);
	}
	return memo->items[slot].rule;
}

/* ---- values ----------------------------------------------------------------------------------- */

struct span {
	size_t start, end;
};

static bool is_upper(int32_t code)
{
	char folded[FOLD_LIMIT];

	if (code < 0x80)
		return code >= 'A' && code <= 'Z';
	if (!text_is_word(code))
		return false;
	/* Scripts without case, and capital letters; what folds to itself with its marks is small. */
	if (code < 0x250)
		return (code >= 0xc0 && code <= 0xde) ||
		       (code >= 0x100 && code < 0x180 && (code < 0x139 || code > 0x148) &&
			code % 2 == 0) ||
		       (code >= 0x139 && code <= 0x148 && code % 2 == 1) || code == 0x178 ||
		       code == 0x179 || code == 0x17b || code == 0x17d;
	if (code >= 0x430 && code <= 0x45f) /* small Cyrillic */
		return false;
	if (code >= 0x3ac && code <= 0x3ce) /* small Greek */
		return false;
	return text_fold(code, folded) > 0;
}

static bool is_particle(const uint8_t *word, size_t length)
{
	static const char particles[] =
		" van von der den de del della di da do dos das la le les du des zu zur ter ten "
		"bin ibn al el y e i of af av och und et and ";
	char padded[8];

	if (length == 0 || length > 5)
		return false;
	padded[0] = ' ';
	memcpy(padded + 1, word, length);
	padded[length + 1] = ' ';
	padded[length + 2] = 0;
	return strstr(particles, padded) != NULL;
}

/* What forms, programs and lists write where a name could stand; lower case. */
static bool is_no_name(const uint8_t *word, size_t length)
{
	static const char words[] =
		" true false none null nil unknown yes no default test string integer int number "
		"object any text bool boolean float double "
		"char date array list map set type class value example sample demo required "
		"optional please enter your new add edit "
		"delete remove save cancel submit update create build install run deploy setup "
		"check set get start stop server service "
		"linux windows ubuntu debian android docker nginx apache python java node the this "
		"that these all other undefined "
		"anonymous guest admin administrator root system user users name names first last "
		"full surname phone address email mail "
		"password production staging development release debug input output error warning "
		"info config settings options function "
		"interface module package component version id key label title description button "
		"image file folder path "
		"untitled empty missing invalid disabled enabled pending active ";
	char padded[20];

	if (length == 0 || length > sizeof(padded) - 3)
		return false;
	padded[0] = ' ';
	for (size_t i = 0; i < length; i++)
		padded[i + 1] = (char)text_lower(word[i]);
	padded[length + 1] = ' ';
	padded[length + 2] = 0;
	return strstr(words, padded) != NULL;
}

struct name_shape {
	size_t end;    /* of the last word that belongs to it */
	size_t words;  /* capitalised ones */
	bool is_whole; /* nothing else stood in the value */
};

/* "PhoneNumber" and "README.md" are no words of names; "McArthur", "O'Neil" and "Jean-Luc" are. */
static size_t name_word(const struct text *text, size_t at, size_t end, bool *out_is_capital)
{
	size_t start = at, letters = 0, humps = 0;
	bool was_small = false;

	*out_is_capital = false;
	while (at < end) {
		int32_t code;
		size_t step = text_next(text, at, &code);

		if (code == '\'' || code == '-' || code == 0x2019 || code == '.') {
			was_small = false;
			if (at == start)
				return start;
		} else if (code < 0 || !text_is_word(code) || (code >= '0' && code <= '9')) {
			break;
		} else {
			bool is_capital = is_upper(code);

			if (letters == 0)
				*out_is_capital = is_capital;
			if (is_capital && was_small && code < 0x250)
				humps++;
			was_small = !is_capital;
			letters++;
		}
		at += step;
	}
	/* "Mc", "Mac", "De", "La", "Di" may stand before a hump. */
	if (humps > 1 || (humps == 1 && at - start >= 3 && !memchr("MDLF", text->bytes[start], 4)))
		return start;
	return letters ? at : start;
}

static struct name_shape read_person(const struct text *text, size_t start, size_t end)
{
	struct name_shape shape = {start, 0, false};
	size_t at = start;

	for (size_t count = 0; at < end && count < 7; count++) {
		bool is_capital;
		size_t stop = name_word(text, at, end, &is_capital);

		if (stop == at || stop - at > 40)
			return shape;
		if (is_capital) {
			if (is_no_name(text->bytes + at, stop - at))
				return shape;
			shape.words++;
			shape.end = stop;
		} else if (!is_particle(text->bytes + at, stop - at)) {
			return shape;
		}
		at = stop;
		if (at < end && text->bytes[at] == ',')
			at++;
		size_t gap = at;

		while (at < end && (text->bytes[at] == ' ' || text->bytes[at] == '+') &&
		       at - gap < 2)
			at++;
		if (at + 3 <= end && memcmp(text->bytes + at, "%20", 3) == 0)
			at += 3;
		if (at == gap && at < end)
			return shape;
	}
	shape.is_whole = at >= end;
	return shape;
}

static size_t count_digits(const struct text *text, size_t start, size_t end)
{
	size_t digits = 0;

	for (; start < end; start++)
		digits += text_is_digit(text->bytes[start]);
	return digits;
}

static bool is_service(const uint8_t *word, size_t length)
{
	static const char words[] =
		" root admin administrator user users guest test tester system nobody nginx apache "
		"www-data www postgres mysql mongodb redis ubuntu "
		"debian daemon bin sys sync mail news proxy backup list irc null none true false "
		"string str unknown anonymous default public "
		"username login self this current_user example foo bar me you all any git ec2-user "
		"centos pi vagrant docker jenkins "
		"localhost service support info sales office name local_service network_service ";
	char padded[24];

	if (length == 0 || length > sizeof(padded) - 3)
		return length == 0;
	padded[0] = ' ';
	for (size_t i = 0; i < length; i++)
		padded[i + 1] = (char)text_lower(word[i]);
	padded[length + 1] = ' ';
	padded[length + 2] = 0;
	return strstr(words, padded) != NULL;
}

static bool looks_handle(const struct text *text, size_t start, size_t end)
{
	const uint8_t *word = text->bytes + start;
	size_t length = end - start, letters = 0;

	if (length < 2 || length > 64 || is_service(word, length))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text_is_letter(word[i]) || word[i] >= 0x80)
			letters++;
		else if (!text_is_digit(word[i]) && !memchr("._-@+ ", word[i], 6))
			return false;
	}
	return letters > 0;
}

/* No letters, no code: "10 Downing Street, London SW1A", "Kim, Oslo"; not "0x7fff", "/usr/lib", "127.0.0.1:80", "localhost". */
static bool looks_address(const struct text *text, size_t start, size_t end)
{
	size_t letters = 0, digits = 0, gaps = 0, capitals = 0;

	for (size_t at = start; at < end; at++) {
		uint8_t byte = text->bytes[at];

		if (memchr("{}()<>=$|@_*[]%!?`\\", byte, 19))
			return false;
		if (byte == ':' && at + 1 < end && text->bytes[at + 1] != ' ')
			return false;
		letters += text_is_letter(byte) || byte >= 0x80;
		digits += text_is_digit(byte);
		gaps += byte == ' ' || byte == ',' || byte == '\n';
		capitals += byte >= 'A' && byte <= 'Z' &&
			    (at == start || !text_is_alnum(text->bytes[at - 1]));
	}
	if (letters < 3 || memchr("/.~#-", text->bytes[start], 5))
		return false;
	return (digits > 0 && gaps > 0) || capitals >= 2 ||
	       (capitals == 1 && gaps == 0 && digits == 0);
}

static bool looks_coordinate(const struct text *text, size_t start, size_t end)
{
	size_t digits = 0, points = 0;

	for (size_t at = start; at < end; at++) {
		uint8_t byte = text->bytes[at];

		if (text_is_letter(byte) && !memchr("NESWOnesw", byte, 9))
			return false;
		digits += text_is_digit(byte);
		points += byte == '.' || byte == 0xc2 || (byte == ',' && points == 0);
	}
	return digits >= 3 && points > 0;
}

static bool looks_weak(unsigned class, const struct text *text, size_t start, size_t end)
{
	size_t digits = count_digits(text, start, end), length = end - start;
	struct name_shape shape;

	switch (class) {
	case CLASS_NAME:
		shape = read_person(text, start, end);
		return shape.is_whole && shape.words > 0 && length >= 2;
	case CLASS_ADDRESS:
		return looks_address(text, start, end);
	case CLASS_LOCATION:
		return looks_coordinate(text, start, end) || looks_address(text, start, end);
	case CLASS_EMAIL:
		return memchr(text->bytes + start, '@', length) != NULL;
	case CLASS_PHONE:
		return digits >= 5;
	case CLASS_POSTCODE:
		return digits >= 2 && length <= 12;
	case CLASS_CARD_PIN:
		return digits >= 4 && digits == length && length <= 12;
	case CLASS_IP:
	case CLASS_MAC:
		return length >= 3 && (digits > 1 || memchr(text->bytes + start, ':', length));
	case CLASS_PLATE:
		return digits >= 1 && length <= 12;
	case CLASS_PASSWORD:
	case CLASS_SECRET:
		return length >= 4 && !is_service(text->bytes + start, length) &&
		       !is_no_name(text->bytes + start, length);
	default:
		return length >= 8 && digits >= 1;
	}
}

bool field_fits(struct field_rule rule, const struct text *text, size_t start, size_t end)
{
	end = BL_MIN(end, start + FIELD_VALUE);
	if (start >= end || rule.class >= CLASS_COUNT)
		return false;
	switch ((enum field_strength)rule.strength) {
	case FIELD_SURE:
		return true;
	case FIELD_HANDLE:
		return looks_handle(text, start, end);
	case FIELD_WEAK:
		return looks_weak(rule.class, text, start, end);
	case FIELD_BESIDE:
		break;
	}
	return false;
}

/* ---- labels in plain text --------------------------------------------------------------------- */

#define LABEL_BACK 48u

enum quoting { BARE, QUOTED, ESCAPED, QUERY };

struct label {
	struct field_rule rule;
	enum quoting quoting; /* of the label: the value's may be another */
	bool is_line;	      /* nothing but white space stands in front of it on its line */
	bool is_tight;	      /* no space between it and its ':' or '=' */
};

static bool is_label_byte(uint8_t byte)
{
	return text_is_alnum(byte) || byte >= 0x80 || byte == ' ' || byte == '_' || byte == '-' ||
	       byte == '.' || byte == '\'';
}

/* Of the letter that ends a word of field_words or a trailer: which letters may stand before it. Tests compare. */
static const uint32_t ends[26] = {
	0x3382dee, 0x0064100, 0x02c0111, 0x1526911, 0x0feb9df, 0x0008900, 0x0022013,
	0x0082000, 0x20cb293, 0x0008011, 0x0162100, 0x0000991, 0x0164011, 0x066517d,
	0x24a2f1d, 0x00aa118, 0x0000004, 0x018e119, 0x11efb99, 0x0d6a13d, 0x008340c,
	0x02480a0, 0x0008001, 0x0004001, 0x04a2019, 0x00c0800,
};

/* Most words in front of a ':' or '=' are no labels, and their last two letters tell. */
static bool may_end_label(const struct text *text, size_t start, size_t end)
{
	while (end > start &&
	       (text_is_digit(text->bytes[end - 1]) || !is_label_byte(text->bytes[end - 1])))
		end--;
	if (end - start < 2)
		return false;

	uint8_t last = text->bytes[end - 1], before = text->bytes[end - 2];

	if (last >= 0x80 || before >= 0x80 || !text_is_letter(before) || !text_is_letter(last))
		return last >= 0x80 || before >= 0x80 || text_is_letter(last);
	return ends[text_lower(last) - 'a'] >> (text_lower(before) - 'a') & 1;
}

/* "Please tell us your mobile number: " - the last words of a sentence; a mere "name" has to stand alone. */
static struct field_rule rule_of_label(const struct text *text, size_t start, size_t end)
{
	struct field_rule rule = field_rule(text->bytes + start, end - start);
	size_t at = start;

	while (rule.class == CLASS_COUNT && at < end) {
		while (at < end && text->bytes[at] != ' ')
			at++;
		while (at < end && text->bytes[at] == ' ')
			at++;
		if (at == end)
			break;
		rule = field_rule(text->bytes + at, end - at);
		if (rule.strength != FIELD_SURE)
			return FIELD_NONE;
	}
	return rule;
}

static bool read_label(const struct text *text, size_t at, struct label *out)
{
	size_t end = at, least = at > LABEL_BACK ? at - LABEL_BACK : 0, start;
	uint8_t quote = 0;

	while (end > least && at - end < 2 &&
	       (text->bytes[end - 1] == ' ' || text->bytes[end - 1] == '\t'))
		end--;
	out->is_tight = end == at;
	out->quoting = BARE;
	if (end > least && (text->bytes[end - 1] == '"' || text->bytes[end - 1] == '\'' ||
			    text->bytes[end - 1] == '`')) {
		quote = text->bytes[--end];
		out->quoting = QUOTED;
		if (end > least && text->bytes[end - 1] == '\\') {
			end--;
			out->quoting = ESCAPED;
		}
	} else if (end > least && (text->bytes[end - 1] == ']' || text->bytes[end - 1] == '*')) {
		end--; /* "user[email]=", "**Name**:" */
		while (end > least && memchr("*'\"", text->bytes[end - 1], 3))
			end--;
	}
	if (!may_end_label(text, least, end))
		return false;
	for (start = end; start > least && is_label_byte(text->bytes[start - 1]); start--)
		if (quote && text->bytes[start - 1] == quote)
			break;
	if (start == least && start > 0)
		return false; /* longer than a label is */
	if (out->quoting == BARE && start > 0 &&
	    (text->bytes[start - 1] == '?' || text->bytes[start - 1] == '&'))
		out->quoting = QUERY;
	while (start < end && memchr(" -.'", text->bytes[start], 4))
		start++;
	out->is_line = start == 0 || text->bytes[start - 1] == '\n' ||
		       text->bytes[start - 1] == '*' ||
		       (text->bytes[start - 1] == ' ' &&
			(start == 1 || memchr("\n ", text->bytes[start - 2], 2)));
	/* "\nName:" as in the strings of programs */
	if (start > 0 && text->bytes[start - 1] == '\\' && start + 1 < end &&
	    memchr("nrt", text->bytes[start], 3))
		start++;
	out->rule = rule_of_label(text, start, end);
	return out->rule.class != CLASS_COUNT;
}

/* Where the value begins that the ':' or '=' at @at leads to; 0 when it leads to none. */
static size_t value_start(const struct text *text, size_t at)
{
	size_t next = at + 1, most;

	if (next >= text->length)
		return 0;
	if (text->bytes[at] == '=' && at > 0 && !text_is_alnum(text->bytes[at - 1]) &&
	    memchr("=!<>+-*/%&|^~", text->bytes[at - 1], 13))
		return 0;
	if (text->bytes[at] == ':' &&
	    (text->bytes[next] == ':' || text->bytes[next] == '=' || text->bytes[next] == '/' ||
	     (at > 0 && text->bytes[at - 1] == ':')))
		return 0;
	if (text->bytes[at] == '=' && (text->bytes[next] == '=' || text->bytes[next] == '~'))
		return 0;
	if (text->bytes[at] == '=' && text->bytes[next] == '>')
		next++;
	if (text->bytes[at] == ':' && next + 1 < text->length && text->bytes[next] == '*' &&
	    text->bytes[next + 1] == '*')
		next += 2; /* "**Name:** Ada" */
	most = BL_MIN(text->length, next + 16);
	while (next < most && (text->bytes[next] == ' ' || text->bytes[next] == '\t'))
		next++;
	return next < text->length && text->bytes[next] != '\n' && text->bytes[next] != '\r' ? next
											     : 0;
}

/* Inside of quotes: up to the same quote on this line; @out->end is @out->start when there is none. */
static bool read_quoted(const struct text *text, size_t start, struct span *out)
{
	size_t at = start, limit;
	bool is_escaped = text->bytes[at] == '\\' && at + 1 < text->length;
	uint8_t quote = text->bytes[at + is_escaped];

	if (!memchr("\"'`", quote, 3))
		return false;
	out->start = out->end = at += 1u + is_escaped;
	for (limit = BL_MIN(text->length, at + FIELD_VALUE); at < limit && text->bytes[at] != '\n';
	     at++) {
		if (is_escaped && text->bytes[at] == '\\' && at + 1 < limit &&
		    text->bytes[at + 1] == quote) {
			out->end = at;
			break;
		}
		if (!is_escaped && text->bytes[at] == '\\') {
			at++;
			continue;
		}
		if (text->bytes[at] == quote) {
			out->end = at;
			break;
		}
	}
	return true;
}

/* Up to a byte of @stops, the end of the line, or two spaces or a tab, which begin another column. */
static size_t bare_end(const struct text *text, size_t start, const char *stops)
{
	size_t limit = BL_MIN(text->length, start + FIELD_VALUE), at = start;

	for (; at < limit; at++) {
		uint8_t byte = text->bytes[at];

		if (byte == '\n' || byte == '\r' || byte == '\t' || (byte && strchr(stops, byte)))
			break;
		if (byte == ' ' && at + 1 < limit &&
		    (text->bytes[at + 1] == ' ' || text->bytes[at + 1] == '|'))
			break;
		if (byte == '\\' && at + 1 < limit && memchr("nrt\"", text->bytes[at + 1], 4))
			break;
	}
	while (at > start && (text->bytes[at - 1] == ' ' || text->bytes[at - 1] == '.'))
		at--;
	return at;
}

/* ---- values in plain text: what stands there must look like one ---------------------------------- */

static bool knows_name(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	for (size_t at = start, word; at < end; at = word + 1) {
		for (word = at; word < end && text->bytes[word] != ' ' &&
				text->bytes[word] != '-' && text->bytes[word] != ',';
		     word++)
			;
		if (word > at && word_sorts(sink, text, at, word) &
					 (WORD_GIVEN | WORD_GIVEN_TOO | WORD_SURNAME | WORD_TITLE))
			return true;
	}
	return false;
}

static size_t person_end(const struct text *text, const struct label *label,
			 const struct span *value, bool is_quoted, struct sink *sink)
{
	struct name_shape shape = read_person(text, value->start, value->end);
	bool is_list_item;

	if (!shape.words)
		return value->start;
	/* "name: Foo(", "Name: Foo.Bar", "name = Foo[" are code */
	if (shape.end < text->length && memchr("([{<_/\\@=:*$%#", text->bytes[shape.end], 14) &&
	    !(text->bytes[shape.end] == '<' && shape.words > 1) && text->bytes[shape.end] != '\\' &&
	    (label->quoting != QUERY))
		return value->start;
	if (label->rule.strength == FIELD_SURE)
		return shape.is_whole || shape.words > 1 || !is_quoted ? shape.end : value->start;
	if (!shape.is_whole && shape.words < 2)
		return value->start;
	if (shape.words > 5)
		return value->start;
	if (knows_name(text, value->start, shape.end, sink))
		return shape.end;
	if (label->quoting == QUERY)
		return shape.words >= 2 && shape.is_whole ? shape.end : value->start;
	/* Names that no list knows: two words and more behind a label that is written as people write it. */
	is_list_item = label->quoting == BARE && !label->is_line;
	return shape.words >= 2 && shape.is_whole && !is_list_item && label->is_tight &&
			       text->bytes[value->start - 1] != '='
		       ? shape.end
		       : value->start;
}

/* A token that holds digits, with the groups behind it: "12/03/1980", "DE89 3704 0044", "+44 20 7946 0000". */
static size_t code_end(const struct text *text, size_t start, size_t end, size_t least)
{
	size_t at = start, last = start;

	for (size_t groups = 0; at < end && groups < 9; groups++) {
		size_t group = at;

		while (at < end &&
		       (text_is_alnum(text->bytes[at]) || memchr("+-./()*:#", text->bytes[at], 9)))
			at++;
		if (at == group || (!count_digits(text, group, at) && groups > 0))
			break;
		last = at;
		if (at >= end || text->bytes[at] != ' ')
			break;
		at++;
	}
	while (last > start && memchr(".-/(:", text->bytes[last - 1], 5))
		last--;
	if (last - start > 48 || count_digits(text, start, last) < least ||
	    (last - start > 2 && text->bytes[start] == '0' &&
	     (text->bytes[start + 1] | 0x20) == 'x'))
		return start;
	return last;
}

/* "1980-03-12", "12 March 1980", "March 3rd, 1980", "12 de marzo de 1980" */
static size_t date_end(const struct text *text, size_t start, size_t end)
{
	size_t digits = 0, last = start, words = 0;

	for (size_t at = start; at < end && at - start < 32;) {
		size_t token = at;

		while (at < end && (text_is_alnum(text->bytes[at]) || text->bytes[at] >= 0x80))
			at++;
		size_t here = count_digits(text, token, at);

		words += at > token && here == 0;
		if (words > 3 || at - token > 10)
			break;
		if (here) {
			digits += here;
			last = at;
			if (digits >= 8 || (here == 4 && digits > 4))
				break;
		}
		if (at >= end || !memchr(" ./-,", text->bytes[at], 5))
			break;
		while (at < end && memchr(" ./-,", text->bytes[at], 5))
			at++;
	}
	return digits >= 4 && digits <= 8 ? last : start;
}

/* "51.5074", "51.5074, -0.1278", "51\xc2\xb0 30' N" */
static size_t coordinate_end(const struct text *text, size_t start, size_t end)
{
	size_t at = start, last = start;

	for (; at < end && memchr("0123456789.,+- NSEWO'\"\xc2\xb0", text->bytes[at], 24); at++)
		if (text_is_digit(text->bytes[at]) || text_is_letter(text->bytes[at]))
			last = at + 1;
	return last;
}

static bool is_field_name(const struct text *text, size_t start, size_t end)
{
	return field_rule(text->bytes + start, end - start).class != CLASS_COUNT;
}

/* Whole when it is a literal; code that computes one is shown. */
static size_t password_end(const struct text *text, const struct label *label,
			   const struct span *value, bool is_quoted)
{
	size_t at = value->start, length, digits, letters = 0, marks = 0;
	static const char words[] =
		" required incorrect invalid changed reset expired optional missing wrong correct "
		"accepted rejected updated protected encrypted hidden "
		"hashed auth authentication prompt empty blank unset must should cannot can may is "
		"was are has have not for from to and or with "
		"will see use var let const char void func def self request ";
	char padded[20];

	while (at < value->end && (is_quoted || !memchr(" \t", text->bytes[at], 2)))
		at++;
	while (!is_quoted && at > value->start && memchr(",;", text->bytes[at - 1], 2))
		at--;
	length = at - value->start;
	if (length < 4 || is_service(text->bytes + value->start, length) ||
	    is_no_name(text->bytes + value->start, length))
		return value->start;
	for (size_t i = value->start; i < at; i++) {
		letters += text_is_letter(text->bytes[i]);
		marks += text->bytes[i] == '*' || text->bytes[i] == '.' || text->bytes[i] == 'x';
	}
	digits = count_digits(text, value->start, at);
	if (marks == length || (digits == 0 && is_field_name(text, value->start, at)))
		return value->start;
	/* "${VAR}", "{{ x }}", "<secret>", "%s", "$1" */
	if (memchr("$<%{[(", text->bytes[value->start], 6) &&
	    memchr("{<%[(", text->bytes[value->start + (text->bytes[value->start] == '$')], 5))
		return value->start;
	if (is_quoted)
		return length <= 8 || !memchr(text->bytes + value->start, ' ', length) ||
				       label->rule.class == CLASS_SECRET || digits
			       ? at
			       : value->start;
	/* Calls, members and indices, and mere words where programs have variables. */
	if (memmem(text->bytes + value->start, length, "->", 2) ||
	    memchr("*&~@", text->bytes[value->start], 4) || memchr("}:", text->bytes[at - 1], 2) ||
	    (length > 3 && memcmp(text->bytes + at - 3, "...", 3) == 0))
		return value->start;
	if (memchr(text->bytes + value->start, '(', length) ||
	    memchr(text->bytes + value->start, '[', length) || text->bytes[at - 1] == ')')
		return value->start;
	if (letters + digits == length && digits == 0) {
		padded[0] = ' ';
		if (length < sizeof(padded) - 3) {
			for (size_t i = 0; i < length; i++)
				padded[i + 1] = (char)text_lower(text->bytes[value->start + i]);
			padded[length + 1] = ' ';
			padded[length + 2] = 0;
			if (strstr(words, padded))
				return value->start;
		}
		/* a sentence goes on, a program has its ';' or ',' */
		if (at < text->length && memchr(" ,;)", text->bytes[at], 4) &&
		    label->quoting != QUERY)
			return value->start;
		if (!label->is_tight ||
		    (text->bytes[value->start - 1] == ' ' && label->rule.strength != FIELD_SURE))
			return value->start;
	}
	/* "user.password", "self.pw": members of what programs know */
	if (digits == 0 && length > 4 && memchr(text->bytes + value->start, '.', length) &&
	    !label->is_line && label->quoting == BARE)
		return value->start;
	return at;
}

static size_t address_end(const struct text *text, const struct label *label,
			  const struct span *value)
{
	size_t end = value->end;

	if (!looks_address(text, value->start, end) || is_field_name(text, value->start, end) ||
	    is_no_name(text->bytes + value->start, end - value->start))
		return value->start;
	if (label->rule.strength == FIELD_SURE)
		return end;
	/* "Address: Some Thing" may be anything; a house has a number that is a word of its own. */
	for (size_t at = value->start; at < end; at++)
		if (text_is_digit(text->bytes[at]) && text_starts_word(text, at) &&
		    !memchr("aA", text->bytes[value->start],
			    text->bytes[value->start + 1] == ' ' ? 2 : 0))
			return end;
	return value->start;
}

static size_t value_end(const struct text *text, const struct label *label, struct span *value,
			bool is_quoted, struct sink *sink)
{
	struct field_rule rule = label->rule;
	size_t end;

	if (value->start >= value->end)
		return value->start;
	switch ((enum bl_class)rule.class) {
	case CLASS_NAME:
		if (rule.strength == FIELD_HANDLE) {
			end = person_end(text, label, value, is_quoted, sink);
			if (end > value->start)
				return end;
			end = is_quoted ? value->end
					: bare_end(text, value->start, " ,;&\"'<>)]}#");
			/* plain words are what programs call things; a dot or a digit makes them somebody's */
			return looks_handle(text, value->start, end) &&
					       (count_digits(text, value->start, end) ||
						memchr(text->bytes + value->start, '.',
						       end - value->start)) &&
					       end - value->start >= 4 && label->is_tight
				       ? end
				       : value->start;
		}
		return person_end(text, label, value, is_quoted, sink);
	case CLASS_ADDRESS:
		return address_end(text, label, value);
	case CLASS_PASSWORD:
	case CLASS_SECRET:
		return password_end(text, label, value, is_quoted);
	case CLASS_DATE_OF_BIRTH:
		return date_end(text, value->start, value->end);
	case CLASS_LOCATION:
		end = coordinate_end(text, value->start, value->end);
		return looks_coordinate(text, value->start, end) ? end : value->start;
	case CLASS_PHONE:
		end = code_end(text, value->start, value->end, 5);
		return text_is_letter(text->bytes[value->start]) ? value->start : end;
	case CLASS_POSTCODE:
		end = code_end(text, value->start, value->end, 2);
		return end - value->start <= 10 ? end : value->start;
	case CLASS_CARD_PIN:
	case CLASS_CARD_SECURITY_CODE:
		end = code_end(text, value->start, value->end,
			       rule.class == CLASS_CARD_PIN ? 4 : 3);
		return count_digits(text, value->start, end) == end - value->start &&
				       end - value->start <= 8
			       ? end
			       : value->start;
	case CLASS_EMAIL: /* told by themselves, wherever they stand */
	case CLASS_IP:
	case CLASS_MAC:
	case CLASS_URL_CREDENTIALS:
	case CLASS_PRIVATE_KEY:
	case CLASS_CUSTOMER:
	case CLASS_COUNT:
		return value->start;
	case CLASS_CARD:
	case CLASS_CARD_TRACK:
	case CLASS_IBAN:
	case CLASS_BANK_ACCOUNT:
	case CLASS_NATIONAL_ID:
	case CLASS_TAX_ID:
	case CLASS_PASSPORT:
	case CLASS_DRIVING_LICENCE:
	case CLASS_HEALTH_ID:
	case CLASS_IMEI:
	case CLASS_VIN:
	case CLASS_PLATE:
	case CLASS_CRYPTO_ADDRESS:
		end = code_end(text, value->start, value->end, rule.class == CLASS_PLATE ? 1 : 5);
		return rule.strength == FIELD_SURE ? end : value->start;
	}
	return value->start;
}

void field_at(const struct text *text, size_t at, struct sink *sink)
{
	struct label label;
	struct span value = {0, 0};
	size_t start = value_start(text, at), end;
	bool is_quoted;

	if (!start || !read_label(text, at, &label) || label.rule.strength == FIELD_BESIDE ||
	    !(sink->classes & CLASS_BIT(label.rule.class)))
		return;
	is_quoted = read_quoted(text, start, &value);
	if (is_quoted && value.end == value.start)
		return; /* empty, or no end of it near */
	if (!is_quoted) {
		const char *stops = label.quoting == QUERY ? "& #\"'<>;" : "\"|<>{};";

		value.start = start;
		if (label.rule.class == CLASS_PASSWORD || label.rule.class == CLASS_SECRET)
			stops = label.quoting == QUERY ? "& #\"'<>" : " \"'";
		else if (label.rule.class != CLASS_ADDRESS &&
			 label.rule.class != CLASS_DATE_OF_BIRTH &&
			 label.rule.class != CLASS_LOCATION && label.rule.class != CLASS_NAME &&
			 label.quoting != QUERY)
			stops = "\"|<>{};,";
		value.end = bare_end(text, start, stops);
	}
	end = value_end(text, &label, &value, is_quoted, sink);
	if (end > value.start)
		sink_add(sink, value.start, end, (enum bl_class)label.rule.class, false);
}
