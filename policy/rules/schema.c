/*
 * JSON Schema (draft 7) of the language, for editors: made from the vocabularies and limits that the loader itself uses.
 *
 * The keys of each map and what is said of them stand here; tests/tools/schema-check.py holds them to the loader, key by
 * key. What no schema can see (names that are not there, days that are not in the calendar) is left to `policy check`.
 */
#include <stdio.h>
#include <string.h>

#include "policy/rules/load.h"

/* ---- writing JSON -------------------------------------------------------------------------------- */

struct writer {
	FILE *out;
	unsigned depth;
	bool has_begun; /* something stands before, in this object or list */
};

static void put_text(struct writer *w, const char *text)
{
	fputc('"', w->out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', w->out);
		fputc(*text, w->out);
	}
	fputc('"', w->out);
}

/* The place of the next member; @name NULL in lists. */
static void put_name(struct writer *w, const char *name)
{
	fprintf(w->out, "%s\n%*s", w->has_begun ? "," : "", (int)w->depth * 2, "");
	w->has_begun = true;
	if (!name)
		return;
	put_text(w, name);
	fputs(": ", w->out);
}

static void begin(struct writer *w, const char *name, char bracket)
{
	put_name(w, name);
	fputc(bracket, w->out);
	w->depth++;
	w->has_begun = false;
}

static void end(struct writer *w, char bracket)
{
	w->depth--;
	if (w->has_begun)
		fprintf(w->out, "\n%*s", (int)w->depth * 2, "");
	fputc(bracket, w->out);
	w->has_begun = true;
}

static void put_string(struct writer *w, const char *name, const char *text)
{
	put_name(w, name);
	put_text(w, text);
}

static void put_number(struct writer *w, const char *name, uint64_t number)
{
	put_name(w, name);
	fprintf(w->out, "%llu", (unsigned long long)number);
}

static void put_bool(struct writer *w, const char *name, bool value)
{
	put_name(w, name);
	fputs(value ? "true" : "false", w->out);
}

/* A short list of strings on one line, ended by NULL. */
static void put_strings(struct writer *w, const char *name, const char *const *texts)
{
	put_name(w, name);
	fputc('[', w->out);
	for (size_t i = 0; texts[i]; i++) {
		fputs(i ? ", " : "", w->out);
		put_text(w, texts[i]);
	}
	fputc(']', w->out);
}
#define STRINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- words ----------------------------------------------------------------------------------------- */

static void put_enum(struct writer *w, const struct vocabulary *words)
{
	put_name(w, "enum");
	fputc('[', w->out);
	for (size_t i = 0; i < words->count; i++) {
		fputs(i ? ", " : "", w->out);
		put_text(w, words->name(words->items, i));
	}
	fputc(']', w->out);
}

static const char *class_name(const void *unused, size_t i)
{
	(void)unused;
	return bl_class_name((enum bl_class)i);
}

static const char *used_name(const void *unused, size_t i)
{
	(void)unused;
	return i ? SHIPPED_SETS[i - 1].name : "builtin/baseline";
}

static const char *withheld_name(const void *unused, size_t i)
{
	(void)unused;
	return i < FILE_KIND_COUNT ? bl_file_kind_name((enum bl_file_kind)i) : "any";
}

static const char *text_name(const void *texts, size_t i)
{
	return ((const char *const *)texts)[i];
}

/* In-line vocabularies: words that stand at one place of the language. */
#define WORDS(...)                                                                                 \
	(&(const struct vocabulary){                                                               \
		"word", text_name, (const char *const[]){__VA_ARGS__},                             \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), false})

static void put_words(struct writer *w, const struct vocabulary *words)
{
	put_string(w, "type", "string");
	put_enum(w, words);
}

static void begin_list(struct writer *w, unsigned least, unsigned most)
{
	put_string(w, "type", "array");
	if (least)
		put_number(w, "minItems", least);
	put_number(w, "maxItems", most);
	begin(w, "items", '{');
}

/* What begin_list began; entries that are one value stand once only. */
static void end_list(struct writer *w, bool is_of_values)
{
	end(w, '}');
	if (is_of_values)
		put_bool(w, "uniqueItems", true);
}

static void put_word_list(struct writer *w, const struct vocabulary *words)
{
	begin_list(w, 1, LIST_LIMIT);
	put_words(w, words);
	end_list(w, true);
}

/* ---- values ----------------------------------------------------------------------------------------- */

/* Whole numbers 1..@most as a regular expression. */
static void add_up_to(char *out, size_t size, uint64_t most)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)most);
	size_t at = strlen(out);

	at += (size_t)snprintf(out + at, size - at, "(%s", digits);
	if (count > 1)
		at += (size_t)snprintf(out + at, size - at, "|[1-9][0-9]{0,%d}", count - 2);
	for (int i = 0; i < count; i++) {
		char least = i ? '0' : '1';

		if (digits[i] > least)
			at += (size_t)snprintf(out + at, size - at, "|%.*s[%c-%c][0-9]{%d}", i,
					       digits, least, digits[i] - 1, count - 1 - i);
	}
	snprintf(out + at, size - at, ")");
}

static void put_pattern(struct writer *w, const char *pattern)
{
	put_string(w, "type", "string");
	put_string(w, "pattern", pattern);
}

/* A value that YAML may take for a number or a truth is a text here all the same. */
static void put_any_text(struct writer *w, const char *pattern, unsigned most)
{
	put_strings(w, "type", STRINGS("string", "number", "boolean"));
	put_string(w, "pattern", pattern);
	put_number(w, "maxLength", most);
}

#define ONE_LINE "^[^\\n\\r\\t]*[^\\n\\r\\t ][ \\n]*$"

static void text(struct writer *w)
{
	put_any_text(w, ONE_LINE, TEXT_LIMIT);
}

static void why(struct writer *w)
{
	/* Ten bytes; letters beyond ASCII have several, and are counted as enough. */
	put_any_text(w,
		     "^([^\\n\\r\\t]{9,}[^\\n\\r\\t ]|(?=.*[^\\u0000-\\u007f])"
		     "[^\\n\\r\\t]*[^\\n\\r\\t ])[ \\n]*$",
		     TEXT_LIMIT);
}

/* A pattern or an example of a class: byte for byte. */
static void verbatim(struct writer *w)
{
	put_any_text(w, "^(?![\\s\\S]*[\\n\\r\\t])[\\s\\S]", TEXT_LIMIT);
}

static void truth(struct writer *w)
{
	put_string(w, "type", "boolean");
}

static void zone_name(struct writer *w)
{
	put_any_text(w, "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", TEXT_LIMIT);
}

#define NAME "^[a-z][a-z0-9-]*$"

static void name(struct writer *w)
{
	put_pattern(w, NAME);
	put_number(w, "maxLength", BL_RULE_ID_SIZE - 1);
}

static void names(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	name(w);
	end_list(w, true);
}

static void put_not(struct writer *w, const struct vocabulary *words)
{
	begin(w, "not", '{');
	put_enum(w, words);
	end(w, '}');
}

static void rule_id(struct writer *w)
{
	name(w);
	put_not(w, WORDS("default", "lapsed", "limit", "gate"));
}

static void role_names(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	name(w);
	put_not(w, WORDS("everyone"));
	end_list(w, true);
}

/* The classes of Bailee for completion, and whatever `detect.custom` names. */
static void class(struct writer *w)
{
	const struct vocabulary words = {"class", class_name, NULL, CLASS_COUNT, false};

	begin(w, "anyOf", '[');
	begin(w, NULL, '{');
	put_words(w, &words);
	end(w, '}');
	begin(w, NULL, '{');
	name(w);
	end(w, '}');
	end(w, ']');
}

static void classes(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	class(w);
	end_list(w, true);
}

static void span(struct writer *w)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} UNITS[] = {{"s", 1},	   {"m", 60},	  {"h", 3600},
		     {"d", 86400}, {"w", 604800}, {"y", 31536000}};
	char pattern[2048] = "^(";

	for (size_t i = 0; i < BL_COUNT(UNITS); i++) {
		uint64_t most = UINT64_C(86400) * SPAN_DAYS_LIMIT / UNITS[i].seconds;

		strcat(pattern, i ? "|" : "");
		add_up_to(pattern, sizeof(pattern), BL_MIN(most, 999999999));
		strcat(pattern, UNITS[i].unit);
	}
	put_pattern(w, strcat(pattern, ")$"));
}

static void milliseconds(struct writer *w)
{
	char pattern[256] = "^(1s|";

	add_up_to(pattern, sizeof(pattern), 1000);
	put_pattern(w, strcat(pattern, "ms)$"));
}

/* "20M", without more than fits 63 bits; @least 0 or 1 */
static void add_size(char *pattern, size_t size, bool has_units, unsigned least)
{
	strcat(pattern, "(");
	if (has_units) {
		add_up_to(pattern, size, INT64_MAX >> 30);
		strcat(pattern, "G|");
	}
	strcat(pattern, "[1-9][0-9]{0,11}");
	strcat(pattern, has_units ? "[KM]?" : "");
	strcat(pattern, least ? ")" : has_units ? "|0[KMG]?)" : "|0)");
}

static void size(struct writer *w)
{
	char pattern[1024] = "^";

	add_size(pattern, sizeof(pattern), true, 1);
	put_strings(w, "type", STRINGS("string", "integer"));
	put_string(w, "pattern", strcat(pattern, "$"));
	put_number(w, "minimum", 1);
	put_number(w, "maximum", 999999999999);
}

static void put_rate(struct writer *w, enum bl_unit unit, unsigned least)
{
	char pattern[1024] = "^";

	add_size(pattern, sizeof(pattern), unit == UNIT_BYTES || unit == UNIT_SHOWN, least);
	strcat(pattern, " per (");
	for (unsigned i = 0; i < PERIOD_COUNT; i++) {
		strcat(pattern, i ? "|" : "");
		strcat(pattern, bl_period_name((enum bl_period)i));
	}
	put_pattern(w, strcat(pattern, ")$"));
}

static void put_rates(struct writer *w, unsigned least)
{
	static const char *const ABOUT[UNIT_COUNT] = {
		[UNIT_FILES] = "Files opened: 200 per hour.",
		[UNIT_BYTES] = "Bytes read, with K, M or G: 500M per day.",
		[UNIT_UNMASKS] = "Originals shown in place of masks: 10 per day.",
		[UNIT_SHOWN] = "Bytes shown in sessions: 50M per day.",
	};

	put_string(w, "type", "object");
	put_bool(w, "additionalProperties", false);
	put_number(w, "minProperties", 1);
	begin(w, "properties", '{');
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		begin(w, bl_unit_name((enum bl_unit)unit), '{');
		put_string(w, "description", ABOUT[unit]);
		put_rate(w, (enum bl_unit)unit, least);
		end(w, '}');
	}
	end(w, '}');
}

static void limits(struct writer *w)
{
	put_rates(w, 1);
}

static void used(struct writer *w)
{
	put_rates(w, 0);
}

#define DAY                                                                                        \
	"[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"   \
	"02-(0[1-9]|[12][0-9]))"
#define MINUTE "([01][0-9]|2[0-3]):[0-5][0-9]"

static void day(struct writer *w)
{
	put_pattern(w, "^" DAY "$");
}

static void moment(struct writer *w)
{
	put_pattern(w, "^" DAY " " MINUTE "$");
}

static void put_hours(struct writer *w)
{
	put_pattern(w, "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))? " MINUTE
		       "-(" MINUTE "|24:00)$");
}

static void hours(struct writer *w)
{
	begin(w, "anyOf", '[');
	begin(w, NULL, '{');
	put_hours(w);
	end(w, '}');
	begin(w, NULL, '{');
	begin_list(w, 1, HOURS_LIMIT);
	put_hours(w);
	end_list(w, true);
	end(w, '}');
	end(w, ']');
}

static void serial(struct writer *w)
{
	put_string(w, "type", "integer");
	put_number(w, "minimum", 1);
	put_number(w, "maximum", 999999999999999);
}

static void approvers(struct writer *w)
{
	put_string(w, "type", "integer");
	put_number(w, "minimum", 1);
	put_number(w, "maximum", APPROVALS_LIMIT);
}

static void percent(struct writer *w)
{
	put_pattern(w, "^(0|[1-9][0-9]?|100)%$");
}

/* Rooted; folders neither empty nor '.' nor '..'; [..] and {..} closed within a folder, braces not nested. */
static void paths(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	put_pattern(w, "^(?=/|[*][*]/)(?!.*(//|\\\\))(?!.*/[.]{1,2}(/|$))"
		       "([^\\[{}]|\\[[^/][^\\]/]*\\]|\\{([^{}\\[/]|\\[[^/][^\\]/]*\\])*\\})*$");
	put_number(w, "maxLength", PATH_LIMIT);
	end_list(w, true);
}

static void device_patterns(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	put_any_text(w, "^[A-Za-z0-9._*?-]+$", BL_DEVICE_ID_SIZE * 2);
	end_list(w, true);
}

static void device_id(struct writer *w)
{
	put_any_text(w, "^[A-Za-z0-9][A-Za-z0-9._-]*$", BL_DEVICE_ID_SIZE - 1);
}

static void hosts(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	put_any_text(w, "^[A-Za-z0-9][A-Za-z0-9._-]*$", HOST_LIMIT);
	end_list(w, true);
}

static void programs(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	put_any_text(w,
		     "^(/([A-Za-z0-9_+-][A-Za-z0-9._+-]*/)*[A-Za-z0-9_+-][A-Za-z0-9._+-]*|"
		     "[A-Za-z0-9_+][A-Za-z0-9._+-]*)$",
		     PATH_LIMIT);
	end_list(w, true);
}

#define LOGIN "[a-z_][a-z_0-9.-]{0,31}"
#define GROUP "group:[a-z_][a-z_0-9-]{0,31}"

static void person(struct writer *w)
{
	char pattern[512] = "^(" LOGIN "|" GROUP "|uid:(0|";

	add_up_to(pattern, sizeof(pattern), UINT32_MAX - 1);
	put_pattern(w, strcat(pattern, "))$"));
}

static void people_given(struct writer *w)
{
	begin_list(w, 1, LIST_LIMIT);
	person(w);
	end_list(w, true);
}

/* ---- vocabularies at their places ---------------------------------------------------------------------- */

static void action(struct writer *w)
{
	put_words(w, &ACTION_WORDS);
}

static void actions(struct writer *w)
{
	put_word_list(w, &ACTION_WORDS);
}

static void device_kind(struct writer *w)
{
	put_words(w, &DEVICE_KIND_WORDS);
}

static void device_kinds(struct writer *w)
{
	put_word_list(w, &DEVICE_KIND_WORDS);
}

static void state(struct writer *w)
{
	put_words(w, &STATE_WORDS);
}

static void states(struct writer *w)
{
	put_word_list(w, &STATE_WORDS);
}

static void file_kind(struct writer *w)
{
	put_words(w, &FILE_KIND_WORDS);
}

static void file_kinds(struct writer *w)
{
	put_word_list(w, &FILE_KIND_WORDS);
}

static void consent(struct writer *w)
{
	put_words(w, &CONSENT_WORDS);
}

static void check(struct writer *w)
{
	put_words(w, &CHECK_WORDS);
}

static void style(struct writer *w)
{
	put_words(w, &STYLE_WORDS);
}

static void withheld(struct writer *w)
{
	static const struct vocabulary KINDS = {"kind of file", withheld_name, NULL,
						FILE_KIND_COUNT + 1, false};

	put_word_list(w, &KINDS);
}

static void uses(struct writer *w)
{
	const struct vocabulary sets = {"set", used_name, NULL, SHIPPED_SET_COUNT + 1, false};

	put_word_list(w, &sets);
}

static void sets(struct writer *w)
{
	put_word_list(w, WORDS("contact", "payment", "government-id", "health", "device", "network",
			       "vehicle", "secrets", "location"));
}

static void requirements(struct writer *w)
{
	put_word_list(w, WORDS("training", "insurance"));
}

static void required_word(struct writer *w)
{
	put_words(w, WORDS("required"));
}

static void forbid_word(struct writer *w)
{
	put_words(w, WORDS("forbid"));
}

static void withhold_word(struct writer *w)
{
	put_words(w, WORDS("withhold"));
}

static void proc(struct writer *w)
{
	put_words(w, WORDS("refuse", "accept"));
}

static void durability(struct writer *w)
{
	put_words(w, WORDS("before-answer", "bounded"));
}

static void outcome(struct writer *w)
{
	put_words(w, WORDS("permit", "forbid", "ask", "withhold"));
}

static void version(struct writer *w)
{
	put_name(w, "enum");
	fputs("[1, \"1\"]", w->out);
}

/* One workplace, or several. */
static void where(struct writer *w)
{
	begin(w, "anyOf", '[');
	begin(w, NULL, '{');
	name(w);
	end(w, '}');
	begin(w, NULL, '{');
	names(w);
	end(w, '}');
	end(w, ']');
}

static void who(struct writer *w)
{
	begin(w, "anyOf", '[');
	begin(w, NULL, '{');
	put_words(w, WORDS("everyone"));
	end(w, '}');
	begin(w, NULL, '{');
	role_names(w);
	end(w, '}');
	end(w, ']');
}

/* A map of class and style; the floor leaves some classes one style only. */
static void put_styles(struct writer *w, const struct vocabulary *words, bool has_floor)
{
	put_string(w, "type", "object");
	put_number(w, "minProperties", 1);
	begin(w, "propertyNames", '{');
	name(w);
	end(w, '}');
	begin(w, "properties", '{');
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		begin(w, bl_class_name((enum bl_class)i), '{');
		put_words(w, has_floor && (FILLED_CLASSES & CLASS_BIT(i)) ? WORDS("fill") : words);
		end(w, '}');
	}
	end(w, '}');
	begin(w, "additionalProperties", '{');
	put_words(w, words);
	end(w, '}');
}

static void mask(struct writer *w)
{
	put_styles(w, &STYLE_WORDS, true);
}

static void shows(struct writer *w)
{
	put_styles(w, &SHOWN_WORDS, false);
}

static void has(struct writer *w)
{
	begin(w, "anyOf", '[');
	begin(w, NULL, '{');
	put_words(w, WORDS("unknown"));
	end(w, '}');
	begin(w, NULL, '{');
	begin_list(w, 0, LIST_LIMIT);
	class(w);
	end_list(w, true);
	end(w, '}');
	end(w, ']');
}

static void file(struct writer *w)
{
	put_pattern(w, "^/[^\\n\\r\\t]*$");
	put_number(w, "maxLength", PATH_LIMIT);
}

static void deciding(struct writer *w)
{
	put_pattern(w, "^(builtin/)?[a-z][a-z0-9-]*$");
}

/* ---- maps ------------------------------------------------------------------------------------------------ */

struct property {
	const char *name;
	void (*shape)(struct writer *w);
	const char *about;
	const char *example; /* JSON; NULL: the words say enough */
	bool is_required;
};

enum emptiness { MAY_BE_EMPTY, NOT_EMPTY };

static void put_map(struct writer *w, const struct property *properties, size_t count,
		    enum emptiness emptiness)
{
	bool has_required = false;

	put_string(w, "type", "object");
	put_bool(w, "additionalProperties", false);
	if (emptiness == NOT_EMPTY)
		put_number(w, "minProperties", 1);
	for (size_t i = 0; i < count; i++) {
		if (!properties[i].is_required)
			continue;
		if (!has_required)
			begin(w, "required", '[');
		has_required = true;
		put_string(w, NULL, properties[i].name);
	}
	if (has_required)
		end(w, ']');
	begin(w, "properties", '{');
	for (size_t i = 0; i < count; i++) {
		begin(w, properties[i].name, '{');
		put_string(w, "description", properties[i].about);
		if (properties[i].example) {
			put_name(w, "examples");
			fprintf(w->out, "[%s]", properties[i].example);
		}
		properties[i].shape(w);
		end(w, '}');
	}
	end(w, '}');
}
#define PUT_MAP(w, properties, emptiness)                                                          \
	put_map((w), (properties), BL_COUNT(properties), (emptiness))

/* Names that the policy gives, each with a map; completion shows one of them. */
static void begin_section(struct writer *w, unsigned most, void (*put_key)(struct writer *w))
{
	put_string(w, "type", "object");
	put_number(w, "minProperties", 1);
	put_number(w, "maxProperties", most);
	begin(w, "propertyNames", '{');
	put_key(w);
	end(w, '}');
	begin(w, "additionalProperties", '{');
}

static void people(struct writer *w)
{
	static const struct property PERSON[] = {
		{"roles", role_names, "The roles this person holds.", "[\"technician\"]", true},
		{"training_expires", day,
		 "The last day on which the training counts; the day after, roles that require it "
		 "have lapsed.",
		 "\"2027-03-31\"", false},
		{"insurance_expires", day,
		 "The last day on which the insurance counts; the day after, roles that require it "
		 "have lapsed.",
		 "\"2027-03-31\"", false},
		{"insurance_policy", text, "The number of the insurance; nothing depends on it.",
		 "\"HX-20881\"", false},
	};

	begin_section(w, PERSON_LIMIT, person);
	PUT_MAP(w, PERSON, MAY_BE_EMPTY);
	end(w, '}');
}

static void role_key(struct writer *w)
{
	name(w);
	put_not(w, WORDS("everyone"));
}

static void roles(struct writer *w)
{
	static const struct property ROLE[] = {
		{"requires", requirements, "What has to be in date for the role to count.", NULL,
		 false},
		{"never_with", names,
		 "Roles that nobody may hold together with this one: who holds both has neither.",
		 "[\"administrator\"]", false},
	};

	begin_section(w, ROLE_LIMIT, role_key);
	PUT_MAP(w, ROLE, MAY_BE_EMPTY);
	end(w, '}');
}

static void workplaces(struct writer *w)
{
	static const struct property WORKPLACE[] = {
		{"hosts", hosts, "The machines of this workplace, as 'hostname' prints them there.",
		 "[\"bench-01\"]", true},
	};

	begin_section(w, WORKPLACE_LIMIT, name);
	PUT_MAP(w, WORKPLACE, MAY_BE_EMPTY);
	end(w, '}');
}

static void custom_key(struct writer *w)
{
	const struct vocabulary words = {"class", class_name, NULL, CLASS_COUNT, false};

	name(w);
	put_not(w, &words);
}

static void custom(struct writer *w)
{
	static const struct property CUSTOM[] = {
		{"pattern", verbatim, "A regular expression of limited length, in single quotes.",
		 "\"NG-[0-9]{8}\"", true},
		{"example", verbatim, "A made-up value; the pattern has to match all of it.",
		 "\"NG-20417733\"", true},
	};

	begin_section(w, CLASS_LIMIT - CLASS_COUNT, custom_key);
	PUT_MAP(w, CUSTOM, MAY_BE_EMPTY);
	end(w, '}');
}

static void detect(struct writer *w)
{
	static const struct property DETECT[] = {
		{"sets", sets,
		 "What is looked for. Without it, all sets; what the floor fills is always looked "
		 "for.",
		 "[\"contact\", \"payment\"]", false},
		{"customer", truth,
		 "Also look for the customer's own name, e-mail, phone and address, from the "
		 "device's record.",
		 NULL, false},
		{"custom", custom, "Classes of your own, each with a pattern and an example.",
		 "{\"loyalty-card\": {\"pattern\": \"NG-[0-9]{8}\", \"example\": "
		 "\"NG-20417733\"}}",
		 false},
	};

	PUT_MAP(w, DETECT, NOT_EMPTY);
}

static void defaults(struct writer *w)
{
	static const struct property DEFAULTS[] = {
		{"access", forbid_word, "What no rule permits is forbidden.", NULL, true},
		{"mask", style, "How what is found is shown when no rule says otherwise.", NULL,
		 true},
		{"unscanned", withhold_word, "What nobody looked through yet is not shown.", NULL,
		 false},
	};

	PUT_MAP(w, DEFAULTS, MAY_BE_EMPTY);
}

/* ---- rules --------------------------------------------------------------------------------------------- */

static void what(struct writer *w)
{
	static const struct property WHAT[] = {
		{"devices", device_kinds, "Kinds of device.", NULL, false},
		{"ids", device_patterns, "Device ids; '*' and '?' stand for any.", "[\"RET-*\"]",
		 false},
		{"status", states, "Where in its life the device is.", NULL, false},
		{"paths", paths,
		 "Path patterns, rooted at the partition: ** * ? {a,b} [..]; quote one that begins "
		 "with '*'.",
		 "[\"/Users/*/Documents/**\"]", false},
		{"kinds", file_kinds, "Kinds of file.", NULL, false},
		{"contains", classes,
		 "On unmask and mask: the classes that are meant. Elsewhere: files that hold one "
		 "of "
		 "them.",
		 "[\"card\"]", false},
		{"max_size", size, "Files of at most this size: bytes, or with K, M or G.",
		 "\"5M\"", false},
	};

	PUT_MAP(w, WHAT, NOT_EMPTY);
}

static void conditions(struct writer *w)
{
	static const struct property CONDITIONS[] = {
		{"hours", hours,
		 "In the policy's zone; the end is excluded, and none goes past midnight.",
		 "\"Mon-Sat 07:00-20:00\"", false},
		{"purpose", names, "What is stated when a view is opened.", "[\"repair\"]", false},
		{"consent", consent, "The customer's, on record for this device and purpose.", NULL,
		 false},
		{"caller_verified", check,
		 "The caller on the phone was checked at least like this.", NULL, false},
		{"approved", action,
		 "Somebody else's approval of this action is given: in 'when' of a permit, in "
		 "'unless' of a forbid or withhold.",
		 NULL, false},
	};

	PUT_MAP(w, CONDITIONS, NOT_EMPTY);
}

static void approvals(struct writer *w)
{
	static const struct property APPROVALS[] = {
		{"count", approvers, "How many other people.", "1", true},
		{"from", role_names, "Roles of which each giver holds one.", "[\"supervisor\"]",
		 true},
		{"valid", span, "How long an approval counts.", "\"4h\"", true},
	};

	PUT_MAP(w, APPROVALS, MAY_BE_EMPTY);
}

static void needs(struct writer *w)
{
	static const struct property NEEDS[] = {
		{"reason", required_word, "A reason has to be stated, which is logged.", NULL,
		 false},
		{"approvals", approvals, "Other people have to agree.",
		 "{\"count\": 1, \"from\": [\"supervisor\"], \"valid\": \"4h\"}", false},
	};

	PUT_MAP(w, NEEDS, NOT_EMPTY);
}

static const struct property RULE[] = {
	{"id", rule_id, "The name of the rule in every answer and event; stands once.",
	 "\"desk-reads\"", true},
	{"permit", actions, "What is permitted; where a forbid matches as well, it is forbidden.",
	 "[\"list\", \"read\"]", false},
	{"forbid", actions, "What is forbidden, whatever else permits it.", "[\"copy\"]", false},
	{"mask", mask, "How classes are shown; of several masks the strictest counts.",
	 "{\"card\": \"keep-last-4\"}", false},
	{"withhold", withheld, "Kinds of file whose contents stay closed; they are listed.",
	 "[\"image\"]", false},
	{"who", who, "Roles, or everyone.", "[\"technician\"]", true},
	{"what", what, "Devices and files it is about; all that is stated has to hold.", NULL,
	 false},
	{"where", where, "A workplace or several.", "\"bench\"", false},
	{"when", conditions, "All that is stated has to hold.", "{\"purpose\": [\"repair\"]}",
	 false},
	{"unless", conditions, "Where all that is stated holds, the rule does not.", NULL, false},
	{"needs", needs, "Of a permit: what is asked for first.", "{\"reason\": \"required\"}",
	 false},
	{"limits", limits, "Of a permit: per person, over all devices.",
	 "{\"files\": \"200 per hour\"}", false},
	{"why", why, "The sentence an employee is shown when this rule decides.",
	 "\"Contents stay on Bailee.\"", true},
};

static void begin_required(struct writer *w, const char *name_of, const char *key)
{
	begin(w, name_of, '{');
	put_strings(w, "required", STRINGS(key));
}

/* { properties: { @outer: { properties: { @inner: false ... */
static void put_never_inside(struct writer *w, const char *outer, const char *const *inner)
{
	begin(w, outer, '{');
	begin(w, "properties", '{');
	for (size_t i = 0; inner[i]; i++)
		put_bool(w, inner[i], false);
	end(w, '}');
	end(w, '}');
}

static void put_one_effect(struct writer *w)
{
	static const char *const EFFECTS[] = {"permit", "forbid", "mask", "withhold"};

	begin(w, "oneOf", '[');
	for (size_t i = 0; i < BL_COUNT(EFFECTS); i++) {
		begin_required(w, NULL, EFFECTS[i]);
		end(w, '}');
	}
	end(w, ']');
}

/* What belongs to permits alone. */
static void put_only_permits(struct writer *w)
{
	begin(w, NULL, '{');
	begin(w, "if", '{');
	begin_required(w, "not", "permit");
	end(w, '}');
	end(w, '}');
	begin(w, "then", '{');
	begin(w, "properties", '{');
	put_bool(w, "needs", false);
	put_bool(w, "limits", false);
	put_never_inside(w, "when", STRINGS("approved"));
	end(w, '}');
	end(w, '}');
	end(w, '}');
}

/* Two permits that ask for each other's approval would never be met. */
static void put_approved_once(struct writer *w)
{
	begin(w, NULL, '{');
	begin_required(w, "if", "needs");
	begin(w, "properties", '{');
	begin_required(w, "needs", "approvals");
	end(w, '}');
	end(w, '}');
	end(w, '}');
	begin(w, "then", '{');
	begin(w, "properties", '{');
	put_never_inside(w, "when", STRINGS("approved"));
	end(w, '}');
	end(w, '}');
	end(w, '}');
}

static void put_only_closers(struct writer *w)
{
	begin(w, NULL, '{');
	begin(w, "if", '{');
	begin(w, "not", '{');
	begin(w, "anyOf", '[');
	begin_required(w, NULL, "forbid");
	end(w, '}');
	begin_required(w, NULL, "withhold");
	end(w, '}');
	end(w, ']');
	end(w, '}');
	end(w, '}');
	begin(w, "then", '{');
	begin(w, "properties", '{');
	put_never_inside(w, "unless", STRINGS("approved"));
	end(w, '}');
	end(w, '}');
	end(w, '}');
}

/* Words about files beside an action of a device's life. */
static void put_no_files(struct writer *w, const char *effect)
{
	begin(w, NULL, '{');
	begin_required(w, "if", effect);
	begin(w, "properties", '{');
	begin(w, effect, '{');
	begin(w, "contains", '{');
	begin(w, "enum", '[');
	for (unsigned i = ACTION_UNMASK + 1; i < ACTION_COUNT; i++)
		put_string(w, NULL, bl_action_name((enum bl_action)i));
	end(w, ']');
	end(w, '}');
	end(w, '}');
	end(w, '}');
	end(w, '}');
	begin(w, "then", '{');
	begin(w, "properties", '{');
	put_never_inside(w, "what", STRINGS("paths", "kinds", "contains", "max_size"));
	end(w, '}');
	end(w, '}');
	end(w, '}');
}

static void rules(struct writer *w)
{
	begin_list(w, 1, RULE_LIMIT);
	PUT_MAP(w, RULE, MAY_BE_EMPTY);
	put_one_effect(w);
	begin(w, "allOf", '[');
	put_only_permits(w);
	put_approved_once(w);
	put_only_closers(w);
	put_no_files(w, "permit");
	put_no_files(w, "forbid");
	end(w, ']');
	end_list(w, false);
}

/* ---- retention, and what is promised --------------------------------------------------------------------- */

static void retention_what(struct writer *w)
{
	static const struct property WHAT[] = {
		{"devices", device_kinds, "Kinds of device.", NULL, false},
		{"ids", device_patterns, "Device ids; '*' and '?' stand for any.", "[\"RET-*\"]",
		 false},
		{"status", states, "Where in its life the device is.", NULL, false},
		{"paths", paths,
		 "Files that have these dates of their own. Where a device's files cannot be "
		 "destroyed alone (its image is not sealed), the whole device has them.",
		 "[\"/Users/**\"]", false},
	};

	PUT_MAP(w, WHAT, NOT_EMPTY);
}

static void destroy_after(struct writer *w)
{
	static const struct property AFTER[] = {
		{"intake", span, "From the day the device was received.", "\"30d\"", false},
		{"last_open", span, "From the last time its contents were opened.", "\"14d\"",
		 false},
		{"closed", span, "From when the device was closed.", "\"3d\"", false},
	};

	PUT_MAP(w, AFTER, NOT_EMPTY);
}

static void put_any_required(struct writer *w, const char *const *keys)
{
	begin(w, "anyOf", '[');
	for (size_t i = 0; keys[i]; i++) {
		begin_required(w, NULL, keys[i]);
		end(w, '}');
	}
	end(w, ']');
}

static void retention(struct writer *w)
{
	static const struct property ENTRY[] = {
		{"id", rule_id, "The name of the entry; stands once.", "\"everything\"", true},
		{"what", retention_what,
		 "Devices it is about, or files of them; none: all devices.", NULL, false},
		{"destroy_after", destroy_after, "The earliest of these dates counts.",
		 "{\"intake\": \"30d\"}", false},
		{"keep_at_least", span,
		 "Nothing of the device is destroyed before that, from intake.", "\"7d\"", false},
		{"destroy_by", span, "Destroyed by then at the latest, from intake.", "\"60d\"",
		 false},
		{"notice", span, "From so long before the date it is told of.", "\"3d\"", false},
		{"window", hours, "Destroyed within these hours: earlier, never later.",
		 "\"Mon-Fri 18:00-22:00\"", false},
	};

	begin_list(w, 1, RETENTION_LIMIT);
	PUT_MAP(w, ENTRY, MAY_BE_EMPTY);
	put_any_required(w, STRINGS("destroy_after", "keep_at_least", "destroy_by"));
	end_list(w, false);
}

static void within(struct writer *w)
{
	static const struct property WITHIN[] = {
		{"destroy_within", span, "How long the destruction may take.", "\"72h\"", true},
	};

	PUT_MAP(w, WITHIN, MAY_BE_EMPTY);
}

static void holds(struct writer *w)
{
	static const struct property HOLDS[] = {
		{"longest", span, "A hold that stands longer is told of as overdue; it stays.",
		 "\"90d\"", false},
		{"review_every", span, "A hold that nobody reviewed for so long is told of.",
		 "\"14d\"", false},
		{"release_approvals", approvers, "How many other people agree to a release.", "1",
		 false},
	};

	PUT_MAP(w, HOLDS, NOT_EMPTY);
}

static void proof(struct writer *w)
{
	static const struct property PROOF[] = {
		{"verify", percent,
		 "The share of a month's destructions that somebody else looks at again.",
		 "\"100%\"", false},
		{"certificate", truth, "The customer can have the certificate of a destruction.",
		 NULL, false},
	};

	PUT_MAP(w, PROOF, NOT_EMPTY);
}

static void sessions(struct writer *w)
{
	static const struct property SESSIONS[] = {
		{"viewers", programs,
		 "Programs that may show contents; the first is what one lands in.",
		 "[\"nnn\", \"less\"]", false},
		{"interpreters", programs, "Programs that run what they are given.",
		 "[\"python3\"]", false},
		{"idle", span, "Ends a session nobody uses: 15m unless stated.", "\"15m\"", false},
		{"total", span, "Ends every session: 8h unless stated.", "\"8h\"", false},
		{"visible_proc", proc,
		 "Where other people's processes can be seen: refuse unless stated.", NULL, false},
	};

	PUT_MAP(w, SESSIONS, NOT_EMPTY);
}

static void audit(struct writer *w)
{
	static const struct property AUDIT[] = {
		{"durability", durability, "Whether an answer waits for its event.", NULL, false},
		{"bounded", milliseconds,
		 "With durability: bounded, how far answers may run ahead.", "\"20ms\"", false},
		{"keep", span, "How long events are kept.", "\"3y\"", false},
		{"tell_customer", truth, "The customer is told who looked.", NULL, false},
		{"anchor_every", span, "How often the log is anchored elsewhere.", "\"24h\"",
		 false},
	};

	PUT_MAP(w, AUDIT, NOT_EMPTY);
	begin_required(w, "if", "durability");
	begin(w, "properties", '{');
	begin(w, "durability", '{');
	put_string(w, "const", "bounded");
	end(w, '}');
	end(w, '}');
	end(w, '}');
	begin_required(w, "then", "bounded");
	end(w, '}');
	begin(w, "else", '{');
	begin(w, "properties", '{');
	put_bool(w, "bounded", false);
	end(w, '}');
	end(w, '}');
}

/* ---- tests ----------------------------------------------------------------------------------------------- */

static void put_unmask_has_class(struct writer *w)
{
	begin_required(w, "if", "do");
	begin(w, "properties", '{');
	begin(w, "do", '{');
	put_string(w, "const", bl_action_name(ACTION_UNMASK));
	end(w, '}');
	end(w, '}');
	end(w, '}');
	begin_required(w, "then", "class");
	end(w, '}');
	begin(w, "else", '{');
	begin(w, "properties", '{');
	put_bool(w, "class", false);
	end(w, '}');
	end(w, '}');
}

static void tests(struct writer *w)
{
	static const struct property TEST[] = {
		{"name", text, "A sentence that says what is shown.", "\"anna reads a note\"",
		 true},
		{"as", person, "A key of people.", "\"anna\"", true},
		{"do", action, "What is tried.", NULL, true},
		{"device", device_kind, "Not stated: unknown.", NULL, false},
		{"id", device_id, "Of the device. Not stated: unknown.", "\"RET-0042\"", false},
		{"status", state, "Not stated: closes no gate.", NULL, false},
		{"file", file, "Its path. Not stated: unknown.", "\"/Users/kim/notes.txt\"", false},
		{"kind", file_kind, "Of the file. Not stated: unknown.", NULL, false},
		{"size", size, "Of the file. Not stated: unknown.", "\"5M\"", false},
		{"has", has, "Classes found in the file, or unknown. Not stated: none.",
		 "[\"card\"]", false},
		{"class", class, "Of an unmask.", "\"email\"", false},
		{"where", name, "A workplace. Not stated: none.", "\"bench\"", false},
		{"at", moment, "In the policy's zone. Not stated: test_clock.",
		 "\"2026-07-01 10:00\"", false},
		{"purpose", name, "Not stated: none.", "\"repair\"", false},
		{"consent", consent, "Not stated: unknown.", NULL, false},
		{"caller_verified", check, "Not stated: none.", NULL, false},
		{"reason", text, "Not stated: none.", "\"ticket 4711\"", false},
		{"approvals", people_given, "Who approved it. Not stated: nobody.", "[\"carla\"]",
		 false},
		{"used", used, "What the person used up before. Not stated: nothing.",
		 "{\"files\": \"200 per hour\"}", false},
		{"expect", outcome, "What the answer has to be.", NULL, true},
		{"rule", deciding,
		 "One of the deciding rules, or default, lapsed, limit, gate, builtin/baseline.",
		 "\"default\"", true},
		{"shows", shows, "How classes have to be shown.", "{\"card\": \"keep-last-4\"}",
		 false},
	};

	begin_list(w, 1, TEST_LIMIT);
	PUT_MAP(w, TEST, MAY_BE_EMPTY);
	put_unmask_has_class(w);
	end_list(w, false);
}

/* ---- the policy ------------------------------------------------------------------------------------------ */

static void report(struct writer *w)
{
	static const struct property REPORT[] = {
		{"names", truth, "The customer is told who looked by name, not by role alone.",
		 NULL, false},
		{"contact", text, "Whom the customer asks.",
		 "\"Returns Ltd, 1 Quay, Dublin; privacy@returns.example\"", false},
		{"complain", text, "The authority for data protection that takes complaints.",
		 "\"Data Protection Commission, Dublin\"", false},
	};

	PUT_MAP(w, REPORT, NOT_EMPTY);
}

static const struct property POLICY[] = {
	{"bailee", version, "The version of the language.", "1", true},
	{"name", text, "Whose policy this is.", "\"Returns desk\"", true},
	{"serial", serial, "Grows with every change that goes live.", "1", true},
	{"timezone", zone_name, "A name of the IANA database; hours, days and dates are of it.",
	 "\"Europe/Dublin\"", true},
	{"uses", uses, "Sets of rules that come with Bailee; they add, never weaken.",
	 "[\"builtin/pci\"]", false},
	{"people", people, "Who works here: logins, 'uid:61001' or 'group:desk'.",
	 "{\"anna\": {\"roles\": [\"technician\"]}}", true},
	{"roles", roles, "What people are here, and what that requires.", "{\"technician\": {}}",
	 true},
	{"workplaces", workplaces, "Authorised machines, by their own names.",
	 "{\"bench\": {\"hosts\": [\"bench-01\"]}}", false},
	{"detect", detect, "Personal data that is looked for. Without it, all that is known.", NULL,
	 false},
	{"defaults", defaults, "What holds when no rule speaks.",
	 "{\"access\": \"forbid\", \"mask\": \"fill\", \"unscanned\": \"withhold\"}", true},
	{"rules", rules, "Their order never matters.", NULL, true},
	{"retention", retention, "When devices are destroyed. 180 days from intake always hold.",
	 NULL, false},
	{"requests", within, "When the customer asks for destruction; without it: at once.",
	 "{\"destroy_within\": \"72h\"}", false},
	{"consent_withdrawn", within, "When the customer withdraws consent; without it: at once.",
	 "{\"destroy_within\": \"24h\"}", false},
	{"holds", holds, "When holds, which stop destruction, are reviewed and released.",
	 "{\"longest\": \"90d\"}", false},
	{"proof", proof, "How a destruction is proven.", "{\"certificate\": true}", false},
	{"sessions", sessions, "Sealed sessions.", "{\"idle\": \"15m\"}", false},
	{"audit", audit, "The log of every access. No key leaves an access unrecorded.",
	 "{\"keep\": \"3y\"}", false},
	{"report", report, "What the customer of a device is told beside the facts.",
	 "{\"names\": false}", false},
	{"test_clock", moment, "The now of every test, so that tests do not rot.",
	 "\"2026-07-01 10:00\"", false},
	{"tests", tests, "What this policy has to answer; run before it is loaded.", NULL, false},
};

void rules_schema(FILE *out)
{
	struct writer w = {.out = out, .depth = 1};

	fputc('{', out);
	put_string(&w, "$schema", "http://json-schema.org/draft-07/schema#");
	put_string(&w, "title", "Bailee policy");
	put_string(&w, "description",
		   "Who may see what of a returned device, and how long it is kept.");
	PUT_MAP(&w, POLICY, MAY_BE_EMPTY);
	begin(&w, "dependencies", '{');
	put_strings(&w, "tests", STRINGS("test_clock"));
	end(&w, '}');
	fputs("\n}\n", out);
}
