/* What kind of file is this? Signatures first, then its charset, then its name and first lines. */
#include "policy/detect/charset.h"

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

#define LINE_STEP                                                                                  \
	1024u /* no further at once: else lines that end with a CR would cost the whole head each */

/* Behind the next line end from @at on; NULL: there is none. A CR alone is one to many a reader. */
static const uint8_t *next_line(const uint8_t *at, const uint8_t *end)
{
	for (const uint8_t *limit; at < end; at = limit) {
		limit = at + BL_MIN((size_t)(end - at), (size_t)LINE_STEP);

		const uint8_t *feed = memchr(at, '\n', (size_t)(limit - at));
		const uint8_t *stop = feed ? feed : limit;
		const uint8_t *back = memchr(at, '\r', (size_t)(stop - at));

		if (back && back + 1 < end)
			return back + 1 + (back[1] == '\n');
		if (feed)
			return feed + 1;
	}
	return NULL;
}

/* Does a line in the head begin with @key, caseless? Returns what follows, NULL when none does. */
static const uint8_t *line_with(const uint8_t *head, size_t length, size_t from, const char *key)
{
	size_t size = strlen(key);

	for (size_t at = from; at + size <= length;) {
		const uint8_t *end;

		if (strncasecmp((const char *)head + at, key, size) == 0)
			return head + at + size;
		end = next_line(head + at, head + length);
		if (!end)
			break;
		at = (size_t)(end - head);
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

/* Up to the first empty line, however lines end. */
static size_t headers_length(const uint8_t *head, size_t length)
{
	static const char *const blanks[] = {"\n\n", "\r\n\r\n", "\r\r"};
	size_t headers = length;

	for (size_t i = 0; i < BL_COUNT(blanks); i++) {
		const uint8_t *blank = memmem(head, headers, blanks[i], strlen(blanks[i]));

		if (blank)
			headers = (size_t)(blank - head);
	}
	return headers;
}

/* Mail: at least two of the header fields that every message has (RFC 5322, 3.6), at the front. */
static bool looks_mail(const uint8_t *head, size_t length)
{
	static const char *const fields[] = {"from:",
					     "to:",
					     "subject:",
					     "date:",
					     "received:",
					     "message-id:",
					     "return-path:",
					     "mime-version:",
					     "delivered-to:",
					     "content-type:",
					     "content-transfer-encoding:",
					     "content-disposition:",
					     "reply-to:",
					     "cc:"};
	size_t headers = headers_length(head, length), found = 0;
	bool begins = length >= 5 && memcmp(head, "From ", 5) == 0;

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

/* Do the headers at the front say how what follows is written, or that it has parts? Then the walker looks into it. */
static bool tells_parts(const uint8_t *head, size_t length)
{
	size_t headers = headers_length(head, length);

	return memcmp(head, "From ", 5) == 0 ||
	       line_with(head, headers, 0, "content-transfer-encoding:") ||
	       holds_caseless(head, headers, "multipart/") ||
	       holds_caseless(head, headers, "message/");
}

/* Why text that is not walked through as what it is cannot be shown as it stands; NULL when it can. */
static const char *encoded_reason(const uint8_t *head, size_t length, uint64_t size,
				  enum bl_file_kind kind, bool is_walked)
{
	if (has_encoded_file(head, length))
		return "text with an encoded file in it";
	if (has_encoded_part(head, length) && !(is_walked && tells_parts(head, length)))
		return "a mail with encoded parts";
	if (kind != FILE_MAIL || is_walked)
		return NULL;
	if (has_encoded_word(head, length))
		return "a mail with encoded words";
	/* The next message may be encoded: nobody looked. */
	return size > length ? "mail longer than can be looked through" : NULL;
}

/* ---- formats ------------------------------------------------------------------------------- */

static const struct {
	const char *ending;
	enum detect_format format;
} format_endings[] = {
	{".csv", DETECT_CSV},	   {".tsv", DETECT_CSV},    {".tab", DETECT_CSV},
	{".json", DETECT_JSON},	   {".jsonl", DETECT_JSON}, {".ndjson", DETECT_JSON},
	{".geojson", DETECT_JSON}, {".har", DETECT_JSON},   {".xml", DETECT_XML},
	{".html", DETECT_XML},	   {".htm", DETECT_XML},    {".xhtml", DETECT_XML},
	{".plist", DETECT_XML},	   {".svg", DETECT_XML},    {".kml", DETECT_XML},
	{".gpx", DETECT_XML},	   {".rss", DETECT_XML},
};

static enum detect_format format_of_name(const char *name)
{
	size_t length = name ? strlen(name) : 0;

	for (size_t i = 0; i < BL_COUNT(format_endings); i++) {
		size_t size = strlen(format_endings[i].ending);

		if (length >= size &&
		    strcasecmp(name + length - size, format_endings[i].ending) == 0)
			return format_endings[i].format;
	}
	return DETECT_PLAIN;
}

static size_t skip_space(const uint8_t *head, size_t length, size_t at)
{
	while (at < length && memchr(" \t\r\n", head[at], 4))
		at++;
	return at;
}

/* "{" and a key, "[" and a value: a section of an INI file or a date in brackets is none. */
static bool looks_json(const uint8_t *head, size_t length)
{
	size_t at = skip_space(head, length, 0), next = skip_space(head, length, at + 1);

	if (next >= length)
		return false;
	if (head[at] == '{')
		return head[next] == '"' || head[next] == '}';
	if (head[at] != '[')
		return false;
	if (memchr("{[\"", head[next], 3))
		return true;
	if (head[next] != '-' && !text_is_digit(head[next]))
		return false;
	for (next++; next < length && (text_is_digit(head[next]) || head[next] == '.');)
		next++;
	next = skip_space(head, length, next);
	return next < length && head[next] == ',';
}

static bool looks_xml(const uint8_t *head, size_t length)
{
	size_t at = skip_space(head, length, 0);

	if (length - at < 3 || head[at] != '<')
		return false;
	/* An address in angle brackets is no element. */
	const uint8_t *end = memchr(head + at, '>', length - at);
	size_t size = end ? (size_t)(end - (head + at)) : length - at;

	return (head[at + 1] == '!' || head[at + 1] == '?' || text_is_letter(head[at + 1])) &&
	       !memchr(head + at, '@', BL_MIN(size, (size_t)64));
}

/* Cells of the record at @at, quotes heeded; @out_next: where the next one begins, @length when this one has no end. */
static size_t count_cells(const uint8_t *head, size_t length, size_t at, char separator,
			  size_t *out_next)
{
	size_t cells = 1;
	bool is_quoted = false, is_start = true;

	for (; at < length && (is_quoted || head[at] != '\n'); at++) {
		uint8_t byte = head[at];

		if (byte == '"' && (is_quoted || is_start))
			is_quoted = !is_quoted;
		else if (!is_quoted && byte == (uint8_t)separator)
			cells++;
		is_start = !is_quoted && byte == (uint8_t)separator;
	}
	*out_next = at < length ? at + 1 : length;
	return cells;
}

/* In how many records from the first one on are there as many cells? */
#define CSV_RECORDS 8u
static size_t count_records(const uint8_t *head, size_t length, char separator, size_t *out_cells)
{
	size_t at = 0, records = 0;

	*out_cells = 0;
	while (records < CSV_RECORDS && at < length) {
		size_t next, cells = count_cells(head, length, at, separator, &next);

		/* The last one of a whole head may be cut. */
		if (records && cells != *out_cells)
			return next == length && length + 3 >= DETECT_HEAD ? records : 0;
		if (!records)
			*out_cells = cells;
		records++;
		at = next;
	}
	return records;
}

/* A header's cells are short words, none empty twice, not one of them a sentence. */
static bool looks_header(const uint8_t *head, size_t length)
{
	const uint8_t *end = memchr(head, '\n', length);
	size_t size = end ? (size_t)(end - head) : length, letters = 0;

	for (size_t i = 0; i < size; i++)
		letters += text_is_letter(head[i]) || head[i] >= 0x80;
	return size < 8192 && 2 * letters > size && !memmem(head, size, ". ", 2);
}

/* The separator of most cells; 0: it is no table. */
static char csv_separator(const uint8_t *head, size_t length, bool is_named)
{
	static const char separators[] = ",;\t|";
	size_t most = 1;
	char best = 0;

	for (size_t i = 0; i < sizeof(separators) - 1; i++) {
		size_t cells, records = count_records(head, length, separators[i], &cells);

		if (cells <= most || (!is_named && records < 2))
			continue;
		most = cells;
		best = separators[i];
	}
	if (is_named)
		return best ? best : ',';
	return best && looks_header(head, length) ? best : 0;
}

/* By content, else by name. What is read as the wrong one is still scanned as text. */
static void profile_format(const uint8_t *head, size_t length, const char *name, bool is_mail,
			   struct detect_profile *out)
{
	enum detect_format named = format_of_name(name);
	bool is_card = out->kind == FILE_CONTACTS || out->kind == FILE_CALENDAR;

	if (is_mail)
		out->format = DETECT_MAIL;
	else if (is_card)
		out->format = DETECT_CARD;
	else if (out->kind != FILE_TEXT)
		out->format = DETECT_PLAIN;
	else if (looks_json(head, length))
		out->format = DETECT_JSON;
	else if (looks_xml(head, length))
		out->format = DETECT_XML;
	else if ((named == DETECT_CSV || named == DETECT_PLAIN) &&
		 (out->separator = csv_separator(head, length, named == DETECT_CSV)))
		out->format = DETECT_CSV;
	else
		out->format = (uint8_t)named;
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
	/* Parts of mail are told by its bytes: not those of two a character. */
	bool is_bytewise = out->charset <= CHARSET_WINDOWS_1252, is_mail;

	head += skip;
	length -= skip;
	out->kind = ending ? ending->kind : FILE_TEXT;
	for (size_t i = 0; i < BL_COUNT(fronts); i++) {
		size_t front = strlen(fronts[i].front);

		if (length >= front && strncasecmp((const char *)head, fronts[i].front, front) == 0)
			out->kind = fronts[i].kind;
	}
	is_mail = looks_mail(head, length);
	if (is_mail)
		out->kind = FILE_MAIL;
	out->reason = encoded_reason(head, length, size - skip, out->kind, is_mail && is_bytewise);
	out->is_text = !out->reason;
	if (has_encoded_part(head, length))
		out->kind = FILE_MAIL;
	if (out->is_text)
		profile_format(head, length, name, is_mail && is_bytewise, out);
}

/* ---- charsets ------------------------------------------------------------------------------ */

#define WIDE_TEXT 16384u /* bytes of UTF-16 and UTF-32, decoded, that tell the format */

static const struct {
	const char *mark;
	uint8_t length;
	enum detect_charset charset;
} marks[] = {
	{"\xff\xfe\0\0", 4, CHARSET_UTF32LE},
	{"\0\0\xfe\xff", 4, CHARSET_UTF32BE},
	{"\xff\xfe", 2, CHARSET_UTF16LE},
	{"\xfe\xff", 2, CHARSET_UTF16BE},
};

/* Without a mark: most of what is written is ASCII somewhere, and then all its other bytes are 0. */
static unsigned wide_charset(const uint8_t *head, size_t length)
{
	size_t zeros[4] = {0}, units = BL_MIN(length, (size_t)4096) / 4, pairs;

	for (size_t i = 0; i < BL_MIN(length, (size_t)4096); i++)
		zeros[i % 4] += head[i] == 0;
	if (units >= 2 && zeros[2] * 10 >= units * 9 && zeros[3] >= units &&
	    zeros[1] * 10 >= units * 4 && zeros[0] == 0)
		return CHARSET_UTF32LE;
	if (units >= 2 && zeros[0] >= units && zeros[1] * 10 >= units * 9 &&
	    zeros[2] * 10 >= units * 4 && zeros[3] == 0)
		return CHARSET_UTF32BE;
	pairs = BL_MIN(length, (size_t)4096) / 2;
	if (pairs >= 2 && (zeros[0] + zeros[2]) * 4 < zeros[1] + zeros[3] &&
	    (zeros[1] + zeros[3]) * 10 >= pairs * 4)
		return CHARSET_UTF16LE;
	if (pairs >= 2 && (zeros[1] + zeros[3]) * 4 < zeros[0] + zeros[2] &&
	    (zeros[0] + zeros[2]) * 10 >= pairs * 4)
		return CHARSET_UTF16BE;
	return CHARSET_COUNT;
}

/* NUL, and what no text has: controls, what is no character, the private ends of planes. */
static bool is_odd(uint32_t code)
{
	return (code < 0x20 && code != '\t' && code != '\n' && code != '\r' && code != '\f') ||
	       (code >= 0x7f && code < 0xa0 && code != 0x85) || code == CHARSET_BAD ||
	       (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code < 0xfdf0);
}

/* The whole head has to be text of this charset: hardly a thing in it that no text has, and no NUL. */
static bool is_wide_text(const uint8_t *head, size_t length, unsigned charset)
{
	struct part_reader reader;
	struct part_character character;
	size_t count = 0, odd = 0;

	part_reader_start(&reader, head, length, charset, TRANSFER_NONE, 0);
	while (part_reader_next(&reader, &character)) {
		/* One that the head's end cuts is not counted. */
		if (reader.at == length && length == DETECT_HEAD)
			break;
		if (character.code == 0)
			return false;
		count++;
		odd += is_odd(character.code);
	}
	return odd * 500 <= count;
}

/*
 * Text of one byte a character: no controls, none of the five bytes that windows-1252 has no character for, and mostly ASCII.
 * Other scripts' charsets of old (Cyrillic, Greek, Chinese, Japanese) have more high bytes: nobody here could read the names in them.
 */
static bool is_western_text(const uint8_t *head, size_t length)
{
	size_t high = 0;

	for (size_t i = 0; i < length; i++) {
		if (head[i] < 0x80 ? is_odd(head[i]) : windows_1252_code(head[i]) < 0xa0)
			return false;
		high += head[i] >= 0x80;
	}
	return high * 4 <= length;
}

/* Sets out->charset; false: no text, and out->reason says what */
static bool profile_charset(const uint8_t *head, size_t length, struct detect_profile *out)
{
	struct text text = {head, length};
	unsigned charset = CHARSET_COUNT;

	for (size_t i = BL_COUNT(marks); i-- > 0;)
		if (length >= marks[i].length && memcmp(head, marks[i].mark, marks[i].length) == 0)
			charset = marks[i].charset;
	if (charset == CHARSET_COUNT && memchr(head, 0, length))
		charset = wide_charset(head, length);
	if (charset != CHARSET_COUNT && is_wide_text(head, length, charset)) {
		out->charset = (uint8_t)charset;
		return true;
	}
	if (memchr(head, 0, length)) {
		out->reason = "binary data";
		return false;
	}
	if (text_is_utf8(&text, 0, length)) {
		out->charset = CHARSET_UTF8;
		return true;
	}
	out->charset = CHARSET_WINDOWS_1252;
	if (is_western_text(head, length))
		return true;
	out->charset = CHARSET_UTF8;
	out->reason = "text that is not UTF-8, or binary data";
	return false;
}

/* As much of it as has room, as UTF-8. */
static size_t decode_front(const uint8_t *head, size_t length, unsigned charset,
			   uint8_t out[WIDE_TEXT])
{
	struct part_reader reader;
	struct part_character character;
	size_t count = 0;

	part_reader_start(&reader, head, length, charset, TRANSFER_NONE, 0);
	while (count + 4 <= WIDE_TEXT && part_reader_next(&reader, &character))
		count += utf8_put(character.code, out + count);
	return count;
}

static void profile_wide(const uint8_t *head, size_t length, uint64_t size, const char *name,
			 struct detect_profile *out)
{
	uint8_t text[WIDE_TEXT];
	size_t count = decode_front(head, length, out->charset, text);
	bool is_all = length == size && count + 4 <= WIDE_TEXT;

	out->reason = NULL;
	if (!profile_written(text, count, out))
		profile_text(text, count, is_all ? count : count + 1, name, out);
}

void detect_profile(const uint8_t *head, size_t length, uint64_t size, const char *name,
		    struct detect_profile *out_profile)
{
	*out_profile =
		(struct detect_profile){.kind = FILE_OTHER, .is_text = false, .reason = "not text"};
	if (size == 0) {
		out_profile->reason = NULL;
		profile_text((const uint8_t *)"", 0, 0, name, out_profile);
		return;
	}
	/* Fewer bytes than there should be: nobody saw the rest of the head. */
	if (length < BL_MIN(size, (uint64_t)DETECT_HEAD)) {
		out_profile->reason = "not read";
		return;
	}
	if (profile_signature(head, length, name, out_profile) ||
	    !profile_charset(head, length, out_profile))
		return;
	if (out_profile->charset > CHARSET_WINDOWS_1252) {
		profile_wide(head, length, size, name, out_profile);
		return;
	}
	if (profile_written(head, length, out_profile))
		return;
	out_profile->reason = NULL;
	profile_text(head, length, size, name, out_profile);
}
