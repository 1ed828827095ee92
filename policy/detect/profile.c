/* What kind of file is this? Signatures first, then whether it is UTF-8, then its name and first lines. */
#include "policy/detect/parts.h"

#include <string.h>
#include <strings.h>

/* A file signature at a fixed place; see each format's own specification and file(1)'s magic. */
struct signature {
	uint16_t offset;
	uint8_t length;
	const char *bytes;
	enum bl_file_kind kind;
	const char *reason;
};

static const struct signature signatures[] = {
	{0, 16, "SQLite format 3\0", FILE_DATABASE, "a database"},
	{4, 15, "Standard Jet DB", FILE_DATABASE, "a database"},
	{4, 15, "Standard ACE DB", FILE_DATABASE, "a database"},
	{0, 4, "!BDN", FILE_MAIL, "a mail store"},
	{0, 5, "%PDF-", FILE_PDF, "a PDF"},
	{0, 3, "\xff\xd8\xff", FILE_IMAGE, "a picture"},
	{0, 8, "\x89PNG\r\n\x1a\n", FILE_IMAGE, "a picture"},
	{0, 6, "GIF87a", FILE_IMAGE, "a picture"},
	{0, 6, "GIF89a", FILE_IMAGE, "a picture"},
	{8, 4, "WEBP", FILE_IMAGE, "a picture"},
	{4, 8, "ftypheic", FILE_IMAGE, "a picture"},
	{4, 8, "ftypheix", FILE_IMAGE, "a picture"},
	{4, 8, "ftypmif1", FILE_IMAGE, "a picture"},
	{4, 8, "ftypavif", FILE_IMAGE, "a picture"},
	{0, 4, "II*\0", FILE_IMAGE, "a picture"},
	{0, 4, "MM\0*", FILE_IMAGE, "a picture"},
	{4, 7, "ftypM4A", FILE_AUDIO, "audio"},
	{4, 4, "ftyp", FILE_VIDEO, "a video"},
	{8, 4, "AVI ", FILE_VIDEO, "a video"},
	{8, 4, "WAVE", FILE_AUDIO, "audio"},
	{0, 3, "ID3", FILE_AUDIO, "audio"},
	{0, 4, "fLaC", FILE_AUDIO, "audio"},
	{0, 4, "OggS", FILE_AUDIO, "audio"},
	{0, 5, "#!AMR", FILE_AUDIO, "audio"},
	{0, 2, "\xff\xfb", FILE_AUDIO, "audio"},
	{0, 4, "\x1a\x45\xdf\xa3", FILE_VIDEO, "a video"},
	{0, 4, "\0\0\1\xba", FILE_VIDEO, "a video"},
	{0, 4,
	 "\x7f"
	 "ELF",
	 FILE_PROGRAM, "a program"},
	{0, 4, "\xcf\xfa\xed\xfe", FILE_PROGRAM, "a program"},
	{0, 4, "\xca\xfe\xba\xbe", FILE_PROGRAM, "a program"},
	{0, 4, "dex\n", FILE_PROGRAM, "a program"},
	{0, 2, "\x1f\x8b", FILE_ARCHIVE, "an archive"},
	{0, 6,
	 "\xfd"
	 "7zXZ\0",
	 FILE_ARCHIVE, "an archive"},
	{0, 6, "7z\xbc\xaf\x27\x1c", FILE_ARCHIVE, "an archive"},
	{0, 4, "\x28\xb5\x2f\xfd", FILE_ARCHIVE, "an archive"},
	{0, 3, "BZh", FILE_ARCHIVE, "an archive"},
	{0, 4, "Rar!", FILE_ARCHIVE, "an archive"},
	{257, 5, "ustar", FILE_ARCHIVE, "an archive"},
	{0, 8, "bplist00", FILE_OTHER, "a binary property list"},
	{0, 8, "regf\0\0\0\0", FILE_DATABASE, "a database"},
	{0, 15, "openssh-key-v1\0", FILE_KEY, "a key"},
};

/* Names whose ending tells the kind: for zip and OLE containers, and for text. */
struct ending {
	const char *ending;
	enum bl_file_kind kind;
	const char *reason;
};

static const struct ending container_endings[] = {
	{".docx", FILE_DOCUMENT, "a document"},
	{".odt", FILE_DOCUMENT, "a document"},
	{".doc", FILE_DOCUMENT, "a document"},
	{".pages", FILE_DOCUMENT, "a document"},
	{".epub", FILE_DOCUMENT, "a document"},
	{".xlsx", FILE_SPREADSHEET, "a spreadsheet"},
	{".xls", FILE_SPREADSHEET, "a spreadsheet"},
	{".ods", FILE_SPREADSHEET, "a spreadsheet"},
	{".pptx", FILE_PRESENTATION, "a presentation"},
	{".ppt", FILE_PRESENTATION, "a presentation"},
	{".odp", FILE_PRESENTATION, "a presentation"},
	{".msg", FILE_MAIL, "a mail with parts"},
	{".apk", FILE_PROGRAM, "a program"},
	{".jar", FILE_PROGRAM, "a program"},
};

static const struct ending text_endings[] = {
	{".vcf", FILE_CONTACTS, NULL},	{".vcard", FILE_CONTACTS, NULL},
	{".ldif", FILE_CONTACTS, NULL}, {".ldi", FILE_CONTACTS, NULL},
	{".ics", FILE_CALENDAR, NULL},	{".eml", FILE_MAIL, NULL},
	{".emlx", FILE_MAIL, NULL},	{".mbox", FILE_MAIL, NULL},
	{".pem", FILE_KEY, NULL},	{".key", FILE_KEY, NULL},
	{".ppk", FILE_KEY, NULL},	{"id_rsa", FILE_KEY, NULL},
	{"id_ed25519", FILE_KEY, NULL}, {"id_ecdsa", FILE_KEY, NULL},
	{"id_dsa", FILE_KEY, NULL},
};

static const struct ending *find_ending(const char *name, const struct ending *endings,
					size_t count)
{
	size_t length = name ? strlen(name) : 0;

	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(endings[i].ending);

		if (length >= size && strcasecmp(name + length - size, endings[i].ending) == 0)
			return &endings[i];
	}
	return NULL;
}

static bool holds(const uint8_t *head, size_t length, const char *needle)
{
	return memmem(head, length, needle, strlen(needle)) != NULL;
}

/* The same without regard to case; @needle is in lower case. */
static bool holds_caseless(const uint8_t *head, size_t length, const char *needle)
{
	size_t size = strlen(needle);

	for (const uint8_t *at = head, *end = head + length; (size_t)(end - at) >= size; at++)
		if (strncasecmp((const char *)at, needle, size) == 0)
			return true;
	return false;
}

/* Containers: what a zip or an OLE file is, by its members' names, else by its own. */
static void profile_container(const uint8_t *head, size_t length, const char *name, bool is_zip,
			      struct detect_profile *out)
{
	static const struct {
		const char *needle;
		enum bl_file_kind kind;
		const char *reason;
	} members[] = {
		{"word/", FILE_DOCUMENT, "a document"},
		{"xl/", FILE_SPREADSHEET, "a spreadsheet"},
		{"ppt/", FILE_PRESENTATION, "a presentation"},
		{"mimetypeapplication/vnd.oasis.opendocument.text", FILE_DOCUMENT, "a document"},
		{"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", FILE_SPREADSHEET,
		 "a spreadsheet"},
		{"mimetypeapplication/vnd.oasis.opendocument.presentation", FILE_PRESENTATION,
		 "a presentation"},
		{"mimetypeapplication/epub", FILE_DOCUMENT, "a document"},
		{"AndroidManifest.xml", FILE_PROGRAM, "a program"},
	};
	const struct ending *ending =
		find_ending(name, container_endings, BL_COUNT(container_endings));

	out->kind = is_zip ? FILE_ARCHIVE : FILE_DOCUMENT;
	out->reason = is_zip ? "an archive" : "a document";
	for (size_t i = 0; is_zip && i < BL_COUNT(members); i++)
		if (holds(head, length, members[i].needle)) {
			out->kind = members[i].kind;
			out->reason = members[i].reason;
			return;
		}
	if (ending) {
		out->kind = ending->kind;
		out->reason = ending->reason;
	}
}

static bool profile_signature(const uint8_t *head, size_t length, const char *name,
			      struct detect_profile *out)
{
	for (size_t i = 0; i < BL_COUNT(signatures); i++) {
		const struct signature *s = &signatures[i];

		if ((size_t)s->offset + s->length > length ||
		    memcmp(head + s->offset, s->bytes, s->length) != 0)
			continue;
		out->kind = s->kind;
		out->reason = s->reason;
		return true;
	}
	if (length >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0)) {
		profile_container(head, length, name, true, out);
		return true;
	}
	if (length >= 8 && memcmp(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0) {
		profile_container(head, length, name, false, out);
		return true;
	}
	/* "MZ" alone may begin a text: the DOS header is 64 bytes and holds NULs. */
	if (length >= 64 && memcmp(head, "MZ", 2) == 0 && memchr(head, 0, 64)) {
		out->kind = FILE_PROGRAM;
		out->reason = "a program";
		return true;
	}
	return false;
}

/* UTF-16 or UTF-32 without a mark: every other byte of what is mostly ASCII is 0. */
static bool looks_utf16(const uint8_t *head, size_t length)
{
	size_t zeros[2] = {0, 0}, pairs = BL_MIN(length, (size_t)4096) / 2;

	for (size_t i = 0; i < 2 * pairs; i++)
		zeros[i % 2] += head[i] == 0;
	return pairs >= 2 && (zeros[0] * 10 >= pairs * 4 || zeros[1] * 10 >= pairs * 4) &&
	       (zeros[0] == 0 || zeros[1] == 0 || zeros[0] > 4 * zeros[1] ||
		zeros[1] > 4 * zeros[0]);
}

/* Does a line in the head begin with @key, caseless? Returns what follows, NULL when none does. */
static const uint8_t *line_with(const uint8_t *head, size_t length, size_t from, const char *key)
{
	size_t size = strlen(key);

	for (size_t at = from; at + size <= length;) {
		const uint8_t *end;

		if (strncasecmp((const char *)head + at, key, size) == 0)
			return head + at + size;
		end = memchr(head + at, '\n', length - at);
		if (!end)
			break;
		at = (size_t)(end - head) + 1;
	}
	return NULL;
}

/*
 * Any part, also far down and of a nested message: its encoding hides what it holds. Only the encodings that hide
 * nothing (RFC 2045, 6.2) pass, so that neither a comment nor a made-up name gets by.
 */
static bool has_encoded_part(const uint8_t *head, size_t length)
{
	static const char key[] = "content-transfer-encoding:";
	static const char *const plain[] = {"7bit", "8bit", "binary"};
	const uint8_t *at = head, *end = head + length;

	while ((at = line_with(head, length, (size_t)(at - head), key))) {
		bool is_plain = false;

		while (at < end &&
		       (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n' || *at == '"'))
			at++;
		for (size_t i = 0; i < BL_COUNT(plain); i++) {
			size_t size = strlen(plain[i]);

			is_plain |= (size_t)(end - at) >= size &&
				    strncasecmp((const char *)at, plain[i], size) == 0;
		}
		if (!is_plain)
			return true;
	}
	return false;
}

/* "=?utf-8?B?...?=": a header's encoded word (RFC 2047), which may hold a name or an address */
static bool has_encoded_word(const uint8_t *head, size_t length)
{
	return holds_caseless(head, length, "?b?") || holds_caseless(head, length, "?q?");
}

/* "begin 644 NAME" (uuencode, POSIX) or "=ybegin" (yEnc) at the start of a line */
static bool has_encoded_file(const uint8_t *head, size_t length)
{
	const uint8_t *at = head, *end = head + length;

	if (line_with(head, length, 0, "=ybegin ") || line_with(head, length, 0, "begin-base64 "))
		return true;
	while ((at = line_with(head, length, (size_t)(at - head), "begin "))) {
		size_t digits = 0;

		while (at + digits < end && at[digits] >= '0' && at[digits] <= '7')
			digits++;
		if (digits >= 3 && digits <= 4 && at + digits < end && at[digits] == ' ')
			return true;
	}
	return false;
}

/* Mail: at least two of the header fields that every message has (RFC 5322, 3.6), at the front. */
static bool looks_mail(const uint8_t *head, size_t length)
{
	static const char *const fields[] = {
		"from:",       "to:",	       "subject:",	"date:",	 "received:",
		"message-id:", "return-path:", "mime-version:", "delivered-to:", "content-type:"};
	const uint8_t *blank = memmem(head, length, "\n\n", 2);
	const uint8_t *blank_crlf = memmem(head, length, "\r\n\r\n", 4);
	size_t headers = length, found = 0;
	bool begins = length >= 5 && memcmp(head, "From ", 5) == 0;

	if (blank)
		headers = (size_t)(blank - head);
	if (blank_crlf)
		headers = BL_MIN(headers, (size_t)(blank_crlf - head));
	for (size_t i = 0; i < BL_COUNT(fields); i++) {
		const uint8_t *hit = line_with(head, headers, 0, fields[i]);

		found += hit != NULL;
		begins |= hit == head + strlen(fields[i]);
	}
	return begins && found >= 2;
}

/* Written in ASCII, yet what it says is not there to be read: escapes, encodings, strings drawn letter by letter. */
static bool profile_written(const uint8_t *head, size_t length, struct detect_profile *out)
{
	static const struct {
		const char *front;
		enum bl_file_kind kind;
		const char *reason;
	} fronts[] = {
		{"{\\rt", FILE_DOCUMENT, "a document"},
		{"%!", FILE_DOCUMENT, "a PostScript document"},
		{"PuTTY-User-Key-File", FILE_KEY, "a private key"},
		{"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", FILE_KEY, "a private key"},
	};
	size_t skip = 0;

	/* White space, a byte order mark or the ^D of old printers may stand before. */
	while (skip < length && memchr(" \t\r\n\xef\xbb\xbf\4", head[skip], 8))
		skip++;
	for (size_t i = 0; i < BL_COUNT(fronts); i++) {
		size_t size = strlen(fronts[i].front);

		if (length - skip >= size && memcmp(head + skip, fronts[i].front, size) == 0) {
			out->kind = fronts[i].kind;
			out->reason = fronts[i].reason;
			return true;
		}
	}
	/* Readers take a PDF whose header is anywhere in the first KiB. */
	if (holds(head, BL_MIN(length, (size_t)1024), "%PDF-")) {
		out->kind = FILE_PDF;
		out->reason = "a PDF";
		return true;
	}
	if (holds(head, length,
		  "\x1b$")) { /* ISO/IEC 2022: text of two bytes a character follows */
		out->kind = FILE_TEXT;
		out->reason = "text that is not UTF-8, or binary data";
		return true;
	}
	return false;
}

/* Why what has fields and parts cannot be shown as it stands; NULL when it can. */
static const char *encoded_reason(const uint8_t *head, size_t length, uint64_t size,
				  enum bl_file_kind kind)
{
	bool is_card = kind == FILE_CONTACTS || kind == FILE_CALENDAR;

	if (has_encoded_part(head, length))
		return "a mail with encoded parts";
	if (has_encoded_file(head, length))
		return "text with an encoded file in it";
	if (kind == FILE_MAIL && has_encoded_word(head, length))
		return "a mail with encoded words";
	/*
	 * vCard 2.1 (RFC 2426's forerunner) writes values like a mail does, by property, "ENCODING=" being optional;
	 * LDIF (RFC 2849) does it behind a second colon.
	 */
	if (is_card && (holds_caseless(head, length, "quoted-printable") ||
			holds_caseless(head, length, "base64") ||
			holds_caseless(head, length, "encoding=b") || holds(head, length, ":: ")))
		return "a card with encoded values";
	/* The next message or card may be encoded: nobody looked. */
	if ((is_card || kind == FILE_MAIL) && size > length)
		return is_card ? "cards longer than can be looked through"
			       : "mail longer than can be looked through";
	return NULL;
}

static void profile_text(const uint8_t *head, size_t length, uint64_t size, const char *name,
			 struct detect_profile *out)
{
	static const struct {
		const char *front;
		enum bl_file_kind kind;
	} fronts[] = {
		{"BEGIN:VCARD", FILE_CONTACTS},
		{"BEGIN:VCALENDAR", FILE_CALENDAR},
		{"-----BEGIN ", FILE_KEY},
	};
	size_t skip = length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	const struct ending *ending = find_ending(name, text_endings, BL_COUNT(text_endings));

	out->kind = ending ? ending->kind : FILE_TEXT;
	out->is_text = true;
	for (size_t i = 0; i < BL_COUNT(fronts); i++) {
		size_t front = strlen(fronts[i].front);

		if (length - skip >= front &&
		    strncasecmp((const char *)head + skip, fronts[i].front, front) == 0)
			out->kind = fronts[i].kind;
	}
	if (looks_mail(head + skip, length - skip))
		out->kind = FILE_MAIL;
	out->reason = encoded_reason(head + skip, length - skip, size - skip, out->kind);
	out->is_text = !out->reason;
	if (has_encoded_part(head + skip, length - skip))
		out->kind = FILE_MAIL;
}

void detect_profile(const uint8_t *head, size_t length, uint64_t size, const char *name,
		    struct detect_profile *out_profile)
{
	struct text text = {head, length};

	*out_profile =
		(struct detect_profile){.kind = FILE_OTHER, .is_text = false, .reason = "not text"};
	if (size == 0) {
		out_profile->reason = NULL;
		profile_text(head, 0, 0, name, out_profile);
		return;
	}
	/* Fewer bytes than there should be: nobody saw the rest of the head. */
	if (length < BL_MIN(size, (uint64_t)DETECT_HEAD)) {
		out_profile->reason = "not read";
		return;
	}
	if (profile_signature(head, length, name, out_profile))
		return;
	if ((length >= 2 &&
	     (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0)) ||
	    (memchr(head, 0, length) && looks_utf16(head, length))) {
		out_profile->kind = FILE_TEXT;
		out_profile->reason = "UTF-16 text";
		return;
	}
	if (memchr(head, 0, length)) {
		out_profile->reason = "binary data";
		return;
	}
	if (!text_is_utf8(&text, 0, length)) {
		out_profile->reason = "text that is not UTF-8, or binary data";
		return;
	}
	if (profile_written(head, length, out_profile))
		return;
	out_profile->reason = NULL;
	profile_text(head, length, size, name, out_profile);
}
