/* Who is known on a device: which files and folders name people, and what is kept of them. */
#include "policy/detect/harvest-parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- which files ------------------------------------------------------------------------------ */

struct part {
	const uint8_t *bytes;
	size_t length;
};

static bool is_word(struct part part, const char *word) /* in lower case */
{
	if (strlen(word) != part.length)
		return false;
	for (size_t i = 0; i < part.length; i++)
		if (text_lower(part.bytes[i]) != (uint8_t)word[i])
			return false;
	return true;
}

static bool ends_with(struct part part, const char *ending)
{
	size_t size = strlen(ending);

	return part.length >= size &&
	       is_word((struct part){part.bytes + part.length - size, size}, ending);
}

static bool starts_with(struct part part, const char *front)
{
	size_t size = strlen(front);

	return part.length >= size && is_word((struct part){part.bytes, size}, front);
}

/* The last component of a path; *path becomes what stands in front of it. */
static struct part take_last(struct part *path)
{
	size_t end = path->length, start;

	while (end > 0 && path->bytes[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path->bytes[start - 1] != '/';)
		start--;
	struct part last = {path->bytes + start, end - start};

	path->length = start;
	return last;
}

static bool is_listed(struct part part, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_word(part, words[i]))
			return true;
	return false;
}

/* Folders beside people's own that are nobody's: of systems, makers, services. */
static const char *const accounts[] = {
	"public",
	"default",
	"default user",
	"all users",
	"shared",
	"guest",
	"root",
	"admin",
	"administrator",
	"user",
	"users",
	"owner",
	"systemprofile",
	"localservice",
	"networkservice",
	"system",
	"defaultapppool",
	"defaultuser0",
	"wdagutilityaccount",
	"test",
	"tester",
	"temp",
	"tmp",
	"lost+found",
	"ubuntu",
	"debian",
	"pi",
	"vagrant",
	"ec2-user",
	"centos",
	"fedora",
	"docker",
	"git",
	"www-data",
	"www",
	"nginx",
	"apache",
	"mysql",
	"postgres",
	"ftp",
	"mail",
	"backup",
	"linuxbrew",
	"service",
	"support",
	"sshd",
	"nobody",
	"jenkins",
	"runner",
	"build",
	"builder",
	"dell",
	"hp",
	"lenovo",
	"acer",
	"asus",
	"toshiba",
	"samsung",
	"sony",
	"medion",
	"customer",
	"computer",
	"laptop",
	"desktop",
	"pc",
	"home",
	"gast",
	"benutzer",
	"besitzer",
	"invite",
	"invitado",
	"usuario",
	"utente",
	"utilisateur",
	"oeffentlich",
	"classic .net apppool",
	".net v4.5",
	"mssqlserver",
	"desktop.ini",
	"testuser",
	"demo",
	"kiosk",
	"default.migrated",
	"office",
	"work",
	"family",
	"me",
};

static bool is_profile(struct part path)
{
	struct part name = take_last(&path), above = take_last(&path), root = take_last(&path);
	static const char *const homes[] = {"users", "home", "documents and settings",
					    "utilisateurs", "benutzer"};

	if (!is_listed(above, homes, BL_COUNT(homes)) ||
	    is_listed(name, accounts, BL_COUNT(accounts)))
		return false;
	/* "Users" of programs lie deep; people's stand on top, of a partition or an older Windows. */
	return root.length == 0 || is_word(root, "windows.old") || is_word(root, "home") ||
	       is_word(root, "private") || is_word(root, "export");
}

enum detect_source detect_harvest_source(const char *path, size_t length, bool is_folder)
{
	struct part rest = {(const uint8_t *)path, length}, name, above, higher;

	while (rest.length && rest.bytes[0] == '/') {
		rest.bytes++;
		rest.length--;
	}
	if (is_folder)
		return is_profile(rest) ? DETECT_SOURCE_PROFILE : DETECT_SOURCE_NONE;
	name = take_last(&rest);
	above = take_last(&rest);
	higher = take_last(&rest);
	if (ends_with(name, ".vcf") || ends_with(name, ".vcard") || ends_with(name, ".ldif") ||
	    ends_with(name, ".ldi"))
		return DETECT_SOURCE_CARD;
	if (ends_with(name, ".eml") || ends_with(name, ".emlx") || ends_with(name, ".mbox") ||
	    is_word(name, "mbox"))
		return DETECT_SOURCE_MAIL;
	/* Maildir: "cur" and "new" hold messages whose names begin with a time. */
	if ((is_word(above, "cur") || is_word(above, "new")) && name.length > 10 &&
	    text_is_digit(name.bytes[0]))
		return DETECT_SOURCE_MAIL;
	/* Thunderbird keeps folders as mbox without an ending. */
	if ((is_word(name, "inbox") || is_word(name, "sent") || is_word(name, "drafts")) &&
	    (starts_with(higher, "mail") || starts_with(higher, "imapmail") ||
	     is_word(above, "local folders")))
		return DETECT_SOURCE_MAIL;
	if (ends_with(name, ".csv") &&
	    (starts_with(name, "contact") || starts_with(name, "google") ||
	     starts_with(name, "outlook") || starts_with(name, "kontakt") ||
	     starts_with(name, "adress") || starts_with(name, "address") ||
	     starts_with(name, "people") || ends_with(name, "contacts.csv")))
		return DETECT_SOURCE_CSV;
	if (is_word(name, ".gitconfig") ||
	    (is_word(name, "config") && (is_word(above, ".git") || is_word(above, "git"))))
		return DETECT_SOURCE_GIT;
	if (is_word(name, "autofill-profiles.json") || is_word(name, "signedinuser.json") ||
	    ((is_word(name, "preferences") || is_word(name, "local state")) &&
	     (is_word(above, "default") || starts_with(above, "profile ") ||
	      is_word(above, "user data") || starts_with(above, "google-chrome") ||
	      is_word(above, "chromium") || is_word(above, "chrome"))))
		return DETECT_SOURCE_BROWSER;
	return DETECT_SOURCE_NONE;
}

/* ---- what is kept ----------------------------------------------------------------------------- */

enum bl_status detect_harvest_new(struct detect_harvest **out_harvest)
{
	struct detect_harvest *harvest = calloc(1, sizeof(*harvest));

	if (!harvest)
		return BL_NO_MEMORY;
	*out_harvest = harvest;
	return BL_OK;
}

void detect_harvest_free(struct detect_harvest *harvest)
{
	if (!harvest)
		return;
	for (size_t i = 0; i < harvest->count; i++) {
		char *value = (char *)(uintptr_t)harvest->items[i].value;

		explicit_bzero(value, strlen(value));
		free(value);
	}
	if (harvest->items)
		explicit_bzero(harvest->items, harvest->room * sizeof(*harvest->items));
	free(harvest->items);
	free(harvest->seen);
	decoded_free(&harvest->decoded);
	explicit_bzero(harvest, sizeof(*harvest));
	free(harvest);
}

static uint64_t hash_of(enum detect_identity_kind kind, const char *value)
{
	uint64_t hash = 14695981039346656037u ^ (uint64_t)kind; /* FNV-1a */

	for (; *value; value++)
		hash = (hash ^ (uint8_t)*value) * 1099511628211u;
	return hash | 1; /* 0: free */
}

/* Is it new? Two values of one hash of 64 bits are one to us: at 20,000 that does not happen. */
static bool see(struct detect_harvest *harvest, uint64_t hash)
{
	size_t room = harvest->seen_room;

	if (!room) {
		room = 1u << 16; /* more than twice DETECT_HARVEST_LIMIT */
		harvest->seen = calloc(room, sizeof(*harvest->seen));
		if (!harvest->seen) {
			harvest->has_failed = true;
			return false;
		}
		harvest->seen_room = room;
	}
	for (size_t at = (hash >> 7) % room;; at = (at + 1) % room) {
		if (harvest->seen[at] == hash)
			return false;
		if (!harvest->seen[at]) {
			harvest->seen[at] = hash;
			return true;
		}
	}
}
_Static_assert(2 * DETECT_HARVEST_LIMIT < 1u << 16, "the table never fills");

static bool holds(const char *value, const char *word)
{
	return strcasestr(value, word) != NULL;
}

/* Programs, lists and crowds that write mail and have cards. */
static bool is_junk_name(const char *value)
{
	static const char *const parts[] = {
		"undisclosed",	  "recipient",	   "no-reply",	   "noreply",	 "no reply",
		"do not reply",	  "donotreply",	   "mailing list", "newsletter", "notification",
		"mailer-daemon",  "mail delivery", "postmaster",   "support",	 "customer",
		"service",	  " team",	   "unknown",	   "via ",	 "@",
		"http",		  "www.",	   "info ",	   "admin",	 "your name",
		"untitled",	  "unnamed",	   "test user",	   "account",	 "list-",
		"announce",	  "subscribe",	   " inc",	   " gmbh",	 " ltd",
		" llc",		  "voicemail",	   "emergency",	   "mailbox",	 "webmaster",
		"security alert",
	};
	static const char *const wholes[] = {
		"mom",	   "dad",	"mum",	   "mama",   "papa",	"home",	     "work",
		"office",  "boss",	"taxi",	   "pizza",  "doctor",	"dentist",   "sos",
		"police",  "me",	"you",	   "self",   "user",	"guest",     "root",
		"all",	   "everyone",	"friends", "family", "sales",	"info",	     "hello",
		"contact", "help",	"news",	   "github", "google",	"amazon",    "facebook",
		"twitter", "linkedin",	"paypal",  "ebay",   "apple",	"microsoft", "netflix",
		"spotify", "dropbox",	"default", "alerts", "billing", "marketing", "jobs",
		"hr",	   "it",	"press",   "orders", "name",	"person 1",  "person",
		"profile", "profile 1", "chrome",  "nobody", "private", "system",    "oma",
		"opa",	   "test",	"may",	   "will",
	};

	for (size_t i = 0; i < BL_COUNT(parts); i++)
		if (holds(value, parts[i]))
			return true;
	for (size_t i = 0; i < BL_COUNT(wholes); i++)
		if (strcasecmp(value, wholes[i]) == 0)
			return true;
	return false;
}

static bool is_plausible_name(const char *value, size_t length)
{
	size_t letters = 0, digits = 0, words = 1;

	for (size_t i = 0; i < length; i++) {
		letters += text_is_letter((uint8_t)value[i]) || (uint8_t)value[i] >= 0x80;
		digits += text_is_digit((uint8_t)value[i]);
		words += value[i] == ' ';
		if (strchr("<>{}[]=\\|;*#%$", value[i]))
			return false;
	}
	return letters >= 3 && digits <= 2 && words <= 6 && length <= 64 && !is_junk_name(value);
}

static bool is_plausible_email(const char *value, size_t length)
{
	const char *at = strchr(value, '@');
	static const char *const robots[] = {
		"noreply",	 "no-reply",   "no_reply", "donotreply",  "do-not-reply",
		"mailer-daemon", "postmaster", "bounce",   "unsubscribe", "notifications@"};

	if (!at || at == value || strchr(at + 1, '@') || !strchr(at + 1, '.') || length > 120)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((uint8_t)value[i] <= ' ' || strchr("<>()[],;:\"\\", value[i]))
			return false;
	for (size_t i = 0; i < BL_COUNT(robots); i++)
		if (holds(value, robots[i]))
			return false;
	return true;
}

static bool is_plausible(enum detect_identity_kind kind, const char *value, size_t length)
{
	size_t digits = 0, letters = 0, gaps = 0;

	for (size_t i = 0; i < length; i++) {
		digits += text_is_digit((uint8_t)value[i]);
		letters += text_is_letter((uint8_t)value[i]) || (uint8_t)value[i] >= 0x80;
		gaps += value[i] == ' ';
	}
	switch (kind) {
	case IDENTITY_NAME:
		return is_plausible_name(value, length);
	case IDENTITY_EMAIL:
		return is_plausible_email(value, length);
	case IDENTITY_PHONE:
		return digits >= 7 && digits <= 15 && letters <= 4;
	case IDENTITY_ADDRESS:
		return digits >= 1 && letters >= 4 && gaps >= 1 && length >= 8;
	}
	return false;
}

static void keep(struct detect_harvest *harvest, enum detect_identity_kind kind, const char *value)
{
	char *copy;

	if (harvest->count >= DETECT_HARVEST_LIMIT || harvest->has_failed ||
	    !see(harvest, hash_of(kind, value)))
		return;
	if (harvest->count == harvest->room) {
		size_t room = harvest->room ? 2 * harvest->room : 64;
		struct detect_identity *grown = realloc(harvest->items, room * sizeof(*grown));

		if (!grown) {
			harvest->has_failed = true;
			return;
		}
		harvest->items = grown;
		harvest->room = room;
	}
	copy = strdup(value);
	if (!copy) {
		harvest->has_failed = true;
		return;
	}
	harvest->items[harvest->count++] = (struct detect_identity){kind, copy, true};
}

void harvest_add(struct detect_harvest *harvest, enum detect_identity_kind kind,
		 const uint8_t *value, size_t length)
{
	char clean[HARVEST_VALUE + 1];
	struct text text = {value, length};
	size_t used = 0;

	/* One space where there were several or line ends; no quotes around it. */
	for (size_t i = 0; i < length; i++) {
		bool is_gap = value[i] <= ' ' || value[i] == 0x7f;

		if (is_gap && (used == 0 || clean[used - 1] == ' '))
			continue;
		if (used == HARVEST_VALUE)
			return;
		clean[used++] = is_gap ? ' ' : (char)value[i];
	}
	while (used && strchr(" \"',", clean[used - 1]))
		used--;
	clean[used] = 0;

	size_t skip = strspn(clean, " \"'");

	if (used > skip && text_is_whole(&text) && is_plausible(kind, clean + skip, used - skip))
		keep(harvest, kind, clean + skip);
	explicit_bzero(clean, sizeof(clean));
}

void harvest_add_names(struct detect_harvest *harvest, const uint8_t *given, size_t given_length,
		       const uint8_t *family, size_t family_length)
{
	uint8_t both[2 * HARVEST_VALUE + 1];

	if (given_length > HARVEST_VALUE || family_length > HARVEST_VALUE)
		return;
	memcpy(both, given, given_length);
	both[given_length] = ' ';
	memcpy(both + given_length + 1, family, family_length);
	harvest_add(harvest, IDENTITY_NAME, both, given_length + 1 + family_length);
	explicit_bzero(both, sizeof(both));
}

/* "kim.larsen", "Kim_Larsen2", "KIM~1": the folder's name as somebody's */
static void harvest_profile(struct detect_harvest *harvest, const char *path)
{
	struct part rest = {(const uint8_t *)path, strlen(path)};
	struct part name = take_last(&rest);
	uint8_t words[64];
	size_t length = BL_MIN(name.length, sizeof(words));

	for (size_t i = 0; i < length; i++)
		words[i] = strchr("._-", name.bytes[i]) ? ' ' : name.bytes[i];
	while (length && (text_is_digit(words[length - 1]) || words[length - 1] == ' '))
		length--;
	if (length && !memchr(words, '~', length) &&
	    !is_listed((struct part){words, length}, accounts, BL_COUNT(accounts)))
		harvest_add(harvest, IDENTITY_NAME, words, length);
	if (memchr(name.bytes, '@', name.length))
		harvest_add(harvest, IDENTITY_EMAIL, name.bytes, name.length);
}

enum bl_status detect_harvest_file(struct detect_harvest *harvest, enum detect_source source,
				   const char *path, const uint8_t *bytes, size_t length)
{
	struct text text = {bytes, BL_MIN(length, (size_t)DETECT_HARVEST_FILE)};

	if (text.length >= 3 && memcmp(text.bytes, "\xef\xbb\xbf", 3) == 0) {
		text.bytes += 3;
		text.length -= 3;
	}
	switch (source) {
	case DETECT_SOURCE_NONE:
		break;
	case DETECT_SOURCE_CARD:
		harvest_card(harvest, &text);
		break;
	case DETECT_SOURCE_MAIL:
		harvest_mail(harvest, &text);
		break;
	case DETECT_SOURCE_CSV:
		harvest_csv(harvest, &text);
		break;
	case DETECT_SOURCE_GIT:
		harvest_git(harvest, &text);
		break;
	case DETECT_SOURCE_BROWSER:
		harvest_json(harvest, &text);
		break;
	case DETECT_SOURCE_PROFILE:
		if (path)
			harvest_profile(harvest, path);
		break;
	}
	return harvest->has_failed ? BL_NO_MEMORY : BL_OK;
}

static int compare_items(const void *a, const void *b)
{
	const struct detect_identity *one = a, *other = b;

	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return strcmp(one->value, other->value);
}

const struct detect_identity *detect_harvest_items(struct detect_harvest *harvest,
						   size_t *out_count)
{
	if (harvest->sorted != harvest->count)
		qsort(harvest->items, harvest->count, sizeof(*harvest->items), compare_items);
	harvest->sorted = harvest->count;
	*out_count = harvest->count;
	return harvest->items;
}
