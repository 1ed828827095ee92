/*
 * Secrets: tokens by the prefix, alphabet and length that their makers document, JSON Web Tokens (RFC 7519), and what a label says is a
 * password, a code or a key.
 *
 * A token by label has digits and letters, many different ones; a password needs its label, then ':' or '=' or "is", and behind "is"
 * it must not look like a word: "the password is required" stays.
 */
#include "policy/detect/kinds/crypto.h"
#include "policy/detect/kinds/near.h"

#include <string.h>
#include <strings.h>

#define TOKEN_LIMIT   1000 /* bytes looked back for the beginning of a token */
#define SECRET_PIECE  512  /* no span is longer; of a longer token there are several */
#define PASSWORD_MOST 128

_Static_assert(SECRET_PIECE <= SPAN_LIMIT, "as every detector promises");

static uint8_t byte_at(const struct text *text, size_t at)
{
	return at < text->length ? text->bytes[at] : 0;
}

static bool is_token_byte(uint8_t byte)
{
	return text_is_alnum(byte) || byte == '_' || byte == '-';
}

/* Does @word stand right before @at? */
static bool is_behind(const struct text *text, size_t at, const char *word)
{
	size_t length = strlen(word);

	return at >= length && memcmp(text->bytes + at - length, word, length) == 0;
}

static void add_long(struct sink *sink, size_t start, size_t end, enum bl_class class)
{
	for (; end - start > SECRET_PIECE; start += SECRET_PIECE)
		sink_add(sink, start, start + SECRET_PIECE, class, true);
	sink_add(sink, start, end, class, true);
}

/* ---- tokens by prefix ------------------------------------------------------------------------------ */

enum alphabet {
	HEX,	 /* lower case */
	UPPER32, /* base32 in capitals, and the digits 0 to 9 */
	ALNUM,
	TOKEN, /* base64url */
	ALPHABETS
};

/* What follows the prefix, in one word of letters, digits, '_' and '-'. */
static const struct token {
	char prefix[18];
	uint8_t alphabet; /* enum alphabet */
	uint16_t least, most;
	const char *maker;
} tokens[] = {
	{"AKIA", UPPER32, 16, 16, "AWS, IAM identifiers"},
	{"ASIA", UPPER32, 16, 16, "AWS, IAM identifiers"},
	{"ABIA", UPPER32, 16, 16, "AWS, IAM identifiers"},
	{"ACCA", UPPER32, 16, 16, "AWS, IAM identifiers"},
	{"ghp_", ALNUM, 36, 251, "GitHub, token formats"},
	{"gho_", ALNUM, 36, 251, "GitHub, token formats"},
	{"ghu_", ALNUM, 36, 251, "GitHub, token formats"},
	{"ghs_", ALNUM, 36, 251, "GitHub, token formats"},
	{"ghr_", ALNUM, 36, 251, "GitHub, token formats"},
	{"github_pat_", TOKEN, 60, 244, "GitHub, token formats"},
	{"glpat-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"gldt-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"glrt-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"glptt-", TOKEN, 40, 300, "GitLab, token prefixes"},
	{"glcbt-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"glsoat-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"glft-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"glagent-", TOKEN, 20, 300, "GitLab, token prefixes"},
	{"xoxb-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxp-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxa-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxr-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxs-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxc-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxd-", TOKEN, 16, 400, "Slack, token types"},
	{"xoxe-", TOKEN, 16, 400, "Slack, token types"},
	{"xapp-", TOKEN, 16, 400, "Slack, token types"},
	{"sk_live_", ALNUM, 16, 255, "Stripe, keys"},
	{"sk_test_", ALNUM, 16, 255, "Stripe, keys"},
	{"rk_live_", ALNUM, 16, 255, "Stripe, keys"},
	{"rk_test_", ALNUM, 16, 255, "Stripe, keys"},
	{"whsec_", ALNUM, 24, 128, "Stripe, webhooks"},
	{"AIza", TOKEN, 35, 35, "Google, API keys"},
	{"GOCSPX-", TOKEN, 28, 28, "Google, OAuth 2.0"},
	{"sk-ant-", TOKEN, 24, 400, "Anthropic, API keys"},
	{"sk-proj-", TOKEN, 24, 400, "OpenAI, API keys"},
	{"sk-svcacct-", TOKEN, 24, 400, "OpenAI, API keys"},
	{"sk-admin-", TOKEN, 24, 400, "OpenAI, API keys"},
	{"sk-or-v1-", HEX, 64, 64, "OpenRouter"},
	{"sk-", ALNUM, 32, 64, "OpenAI, API keys"},
	{"key-", HEX, 32, 32, "Mailgun, API keys"},
	{"npm_", ALNUM, 36, 36, "npm, access tokens"},
	{"pypi-AgE", TOKEN, 50, 400, "PyPI, API tokens"},
	{"pypi-AgEIcHlwaS5", TOKEN, 16, 400, "PyPI, API tokens"},
	{"rubygems_", HEX, 48, 48, "RubyGems"},
	{"dckr_pat_", TOKEN, 20, 64, "Docker Hub"},
	{"dckr_oat_", TOKEN, 20, 64, "Docker Hub"},
	{"dop_v1_", HEX, 64, 64, "DigitalOcean"},
	{"doo_v1_", HEX, 64, 64, "DigitalOcean"},
	{"dor_v1_", HEX, 64, 64, "DigitalOcean"},
	{"shpat_", ALNUM, 32, 64, "Shopify"},
	{"shpca_", ALNUM, 32, 64, "Shopify"},
	{"shppa_", ALNUM, 32, 64, "Shopify"},
	{"shpss_", ALNUM, 32, 64, "Shopify"},
	{"sq0atp-", TOKEN, 22, 22, "Square"},
	{"sq0csp-", TOKEN, 43, 43, "Square"},
	{"EAAA", TOKEN, 58, 62, "Square"},
	{"EAA", ALNUM, 80, 500, "Meta, access tokens"},
	{"hf_", ALNUM, 30, 64, "Hugging Face"},
	{"api_org_", ALNUM, 30, 64, "Hugging Face"},
	{"AGE-SECRET-KEY-1", UPPER32, 58, 58, "age, C2SP"},
	{"dapi", HEX, 32, 34, "Databricks"},
	{"xkeysib-", TOKEN, 64, 90, "Brevo"},
	{"NRAK-", UPPER32, 27, 27, "New Relic"},
	{"PMAK-", TOKEN, 59, 59, "Postman"},
	{"CFPAT-", TOKEN, 43, 43, "Contentful"},
	{"EZAK", ALNUM, 54, 54, "EasyPost"},
	{"lin_api_", ALNUM, 40, 40, "Linear"},
	{"figd_", TOKEN, 40, 64, "Figma"},
	{"glsa_", TOKEN, 41, 41, "Grafana"},
	{"glc_", TOKEN, 32, 400, "Grafana"},
	{"sntrys_", TOKEN, 32, 400, "Sentry"},
	{"sntryu_", HEX, 64, 64, "Sentry"},
	{"pul-", HEX, 40, 40, "Pulumi"},
	{"sbp_", HEX, 40, 40, "Supabase"},
	{"tskey-auth-", TOKEN, 16, 80, "Tailscale"},
	{"tskey-api-", TOKEN, 16, 80, "Tailscale"},
	{"gsk_", ALNUM, 48, 56, "Groq"},
	{"xai-", ALNUM, 70, 90, "xAI"},
	{"nvapi-", TOKEN, 60, 70, "NVIDIA"},
	{"r8_", ALNUM, 37, 37, "Replicate"},
	{"secret_", ALNUM, 43, 43, "Notion"},
	{"ntn_", ALNUM, 40, 50, "Notion"},
	{"ATATT3", TOKEN, 60, 400, "Atlassian"},
	{"ATBB", ALNUM, 32, 36, "Bitbucket"},
	{"AQVN", TOKEN, 35, 38, "Yandex Cloud"},
	{"FLWSECK-", TOKEN, 32, 48, "Flutterwave"},
	{"FLWSECK_TEST-", TOKEN, 32, 48, "Flutterwave"},
	{"rzp_live_", ALNUM, 14, 14, "Razorpay"},
};

static bool is_of(enum alphabet alphabet, uint8_t byte)
{
	switch (alphabet) {
	case HEX:
		return text_is_digit(byte) || (uint8_t)(byte - 'a') < 6;
	case UPPER32:
		return text_is_digit(byte) || (uint8_t)(byte - 'A') < 26;
	case ALNUM:
		return text_is_alnum(byte);
	case TOKEN:
	case ALPHABETS:
		break;
	}
	return is_token_byte(byte);
}

/* "key-press-handler-of-things" is none: a token has digits, and hardly ever a word between two of its signs. */
struct mixture {
	unsigned digits, upper, lower, kinds;
};

static struct mixture mixture_of(const uint8_t *bytes, size_t length)
{
	uint64_t seen[2] = {0};
	struct mixture out = {0};

	for (size_t i = 0; i < length; i++) {
		uint8_t byte = bytes[i] & 0x7f;

		out.digits += text_is_digit(byte);
		out.upper += byte >= 'A' && byte <= 'Z';
		out.lower += byte >= 'a' && byte <= 'z';
		seen[byte / 64] |= UINT64_C(1) << (byte % 64);
	}
	for (unsigned i = 0; i < 2; i++)
		out.kinds += (unsigned)__builtin_popcountll(seen[i]);
	return out;
}

static bool is_random(const uint8_t *bytes, size_t length)
{
	struct mixture all = mixture_of(bytes, length);

	return all.kinds >= 8 && all.digits >= 2 && all.upper + all.lower >= 2;
}

/* Behind a prefix that is nothing else: one digit in a token of twenty characters is common, none is not rare. */
static bool is_mixed(const uint8_t *bytes, size_t length)
{
	struct mixture all = mixture_of(bytes, length);

	return all.kinds >= 8 && (all.digits >= 1 || (all.upper >= 2 && all.lower >= 2));
}

static bool fits_token(const struct token *token, const uint8_t *word, size_t length)
{
	size_t prefix = strlen(token->prefix);
	bool fits = length >= prefix + token->least && length <= prefix + token->most &&
		    memcmp(word, token->prefix, prefix) == 0;

	for (size_t i = prefix; fits && i < length; i++)
		fits = is_of((enum alphabet)token->alphabet, word[i]);
	/* Half the AWS identifiers have but one digit or none. */
	return fits && (token->most == 16 || is_mixed(word + prefix, length - prefix));
}

static const struct token *find_token(const uint8_t *word, size_t length)
{
	for (size_t i = 0; i < BL_COUNT(tokens); i++)
		if (tokens[i].prefix[0] == (char)word[0] && tokens[i].prefix[1] == (char)word[1] &&
		    fits_token(&tokens[i], word, length))
			return &tokens[i];
	return NULL;
}

/* ---- tokens with other signs ------------------------------------------------------------------------ */

/* What stands before a word and makes a token of it; @keep of it is not secret. */
static const struct lead {
	char before[26];
	uint8_t keep; /* bytes */
	uint16_t least, most;
	const char *maker;
} leads[] = {
	{"ya29.", 0, 20, 500, "Google, OAuth 2.0"},
	{"1//0", 0, 20, 200, "Google, OAuth 2.0"},
	{"1//", 0, 30, 200, "Google, OAuth 2.0"},
	{"SG.", 0, 20, 24, "SendGrid, API keys"},
	{"hvs.", 0, 20, 400, "Vault, tokens"},
	{"hvb.", 0, 20, 400, "Vault, tokens"},
	{"hvr.", 0, 20, 400, "Vault, tokens"},
	{"dp.pt.", 0, 40, 44, "Doppler"},
	{"dp.st.", 0, 40, 44, "Doppler"},
	{"sl.", 0, 100, 400, "Dropbox"},
	{"/webhook/", 9, 32, 64, "webhooks"},
	{"ATTA", 0, 60, 80, "Trello"},
	{"pat.", 0, 20, 60, "HubSpot"},
};

/* Over the parts of a token behind dots. */
static size_t dotted_end(const struct text *text, size_t end, size_t limit)
{
	while (byte_at(text, end) == '.' && is_token_byte(byte_at(text, end + 1)) && end < limit)
		for (end++; end < limit && is_token_byte(byte_at(text, end));)
			end++;
	return end;
}

static bool add_lead(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	if (start == 0 || !memchr("./0A", text->bytes[start - 1], 4)) /* what they end with */
		return false;
	for (size_t i = 0; i < BL_COUNT(leads); i++) {
		const struct lead *lead = &leads[i];
		size_t before = strlen(lead->before), from;

		if (end - start < lead->least || end - start > lead->most ||
		    !is_behind(text, start, lead->before))
			continue;
		from = start - before;
		if (!lead->keep && from > 0 && is_token_byte(text->bytes[from - 1]))
			continue;
		if (!is_mixed(text->bytes + start, end - start))
			continue;
		add_long(sink, from + lead->keep,
			 dotted_end(text, end, BL_MIN(text->length, start + TOKEN_LIMIT)),
			 CLASS_SECRET);
		return true;
	}
	return false;
}

/* Telegram's bots: 8 to 10 digits, ':', 35 characters of base64url. */
static bool add_telegram(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	size_t from = start;

	if (end - start != 35 || start == 0 || text->bytes[start - 1] != ':')
		return false;
	for (from--; from > 0 && start - from < 13 && text_is_digit(text->bytes[from - 1]);)
		from--;
	if (start - 1 - from < 8 || start - 1 - from > 10 || !is_random(text->bytes + start, 35))
		return false;
	sink_add(sink, from, end, CLASS_SECRET, true);
	return true;
}

/* "https://hooks.slack.com/services/T.../B.../...", "https://discord.com/api/webhooks/.../...": from behind @host */
static bool add_webhook(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	static const char *const hosts[] = {"hooks.slack.com/services/",
					    "hooks.slack.com/workflows/", "/api/webhooks/",
					    "/webhookb2/"};
	size_t from = start;

	if (start == 0 || text->bytes[start - 1] != '/')
		return false;
	while (from > 0 && start - from < 96 &&
	       (is_token_byte(text->bytes[from - 1]) || memchr("./@:", text->bytes[from - 1], 4)))
		from--;
	for (size_t i = 0; i < BL_COUNT(hosts); i++) {
		const uint8_t *at =
			memmem(text->bytes + from, start - from, hosts[i], strlen(hosts[i]));

		if (!at)
			continue;
		add_long(sink, (size_t)(at - text->bytes) + strlen(hosts[i]), end, CLASS_SECRET);
		return true;
	}
	return false;
}

static unsigned sextet(uint8_t byte)
{
	if (text_is_digit(byte))
		return byte - '0' + 52u;
	if (text_is_letter(byte))
		return byte >= 'a' ? byte - 'a' + 26u : byte - 'A' + 0u;
	return byte == '-' ? 62 : 63;
}

/* The @index-th byte that the base64url at @bytes spells. */
static uint8_t decoded(const uint8_t *bytes, size_t index)
{
	size_t at = index / 3 * 4;

	switch (index % 3) {
	case 0:
		return (uint8_t)(sextet(bytes[at]) << 2 | sextet(bytes[at + 1]) >> 4);
	case 1:
		return (uint8_t)(sextet(bytes[at + 1]) << 4 | sextet(bytes[at + 2]) >> 2);
	default:
		return (uint8_t)(sextet(bytes[at + 2]) << 6 | sextet(bytes[at + 3]));
	}
}

/* Does base64url of a JSON object with members begin here? */
static bool is_json(const uint8_t *word, size_t length)
{
	return length >= 12 && decoded(word, 0) == '{' && decoded(word, 1) == '"' &&
	       decoded(word, 2) >= ' ' && decoded(word, 2) < 0x7f;
}

/* JWT: header.payload.signature, of which each part that is long comes here by itself. */
static bool add_jwt(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	size_t first = start, limit = BL_MIN(text->length, start + TOKEN_LIMIT);
	size_t dots = 0, last;

	while (first > 0 && start - first < TOKEN_LIMIT &&
	       (is_token_byte(text->bytes[first - 1]) || text->bytes[first - 1] == '.'))
		first--;
	if (first == start) {
		if (!is_json(text->bytes + start, end - start))
			return false;
		last = dotted_end(text, end, limit);
		for (size_t i = end; i < last; i++)
			dots += text->bytes[i] == '.';
		/* One dot and nothing behind it: cut short, or a token without a signature. */
		if (dots == 0 && !is_behind(text, start, "earer "))
			return false;
		add_long(sink, start, BL_MAX(end, last), CLASS_SECRET);
		return true;
	}
	while (first < start && text->bytes[first] == '.')
		first++;
	if (first >= start || text->bytes[start - 1] != '.' ||
	    !is_json(text->bytes + first, start - first))
		return false;
	add_long(sink, start, end, CLASS_SECRET);
	return true;
}

/* Discord's bots: the bot's number in base64, six characters, 27 and more. */
static bool add_discord(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	const uint8_t *word = text->bytes + start;
	size_t length = end - start, last;

	if (length < 23 || length > 28 || !memchr("MNO", word[0], 3))
		return false;
	last = dotted_end(text, end, end + 64);
	if (last < end + 34 || byte_at(text, end) != '.' || byte_at(text, end + 7) != '.')
		return false;
	for (size_t i = 0; i < length / 4 * 3; i++)
		if (!text_is_digit(decoded(word, i)))
			return false;
	sink_add(sink, start, last, CLASS_SECRET, true);
	return true;
}

void long_word_at(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	const struct token *token;

	/* "\nghp_...": the letter of an escape */
	if (start > 0 && text->bytes[start - 1] == '\\') {
		size_t length = text->bytes[start] == 'u' ? 5 : 1;

		if (start + length < end && text_follows_escape(text, start + length))
			start += length;
	}
	if (sink->classes & (CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_CRYPTO_ADDRESS)))
		crypto_word(text, start, end, sink);
	if (!(sink->classes & (CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_PRIVATE_KEY))))
		return;
	token = find_token(text->bytes + start, end - start);
	if (token) {
		size_t last = end;

		/* GitLab's routable tokens go on behind dots. */
		if (token->prefix[0] == 'g' && token->prefix[1] == 'l')
			last = dotted_end(text, end, BL_MIN(text->length, end + 64));
		add_long(sink, start, last,
			 memcmp(token->prefix, "AGE", 3) == 0 ? CLASS_PRIVATE_KEY : CLASS_SECRET);
		return;
	}
	if (add_lead(text, start, end, sink) || add_telegram(text, start, end, sink) ||
	    add_webhook(text, start, end, sink) || add_jwt(text, start, end, sink))
		return;
	add_discord(text, start, end, sink);
}

/* ---- tokens by label -------------------------------------------------------------------------------- */

static bool is_secret_byte(uint8_t byte)
{
	return is_token_byte(byte) || (byte != 0 && memchr("+/=.~", byte, 5));
}

static size_t run_end(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at <= SECRET_PIECE && is_secret_byte(text->bytes[end]))
		end++;
	return end;
}

/* Neither a word, a path, an address nor a name of something in a program */
static bool is_path(const uint8_t *bytes, size_t length)
{
	size_t signs = 0, dots = 0;

	for (size_t i = 0; i < length; i++) {
		signs += bytes[i] == '/' || bytes[i] == '_' || bytes[i] == '-';
		dots += bytes[i] == '.';
	}
	return bytes[0] == '/' || bytes[0] == '.' || dots > 2 || signs * 5 > length;
}

static bool is_uuid(const uint8_t *bytes, size_t length)
{
	return length == 36 && bytes[8] == '-' && bytes[13] == '-' && bytes[18] == '-' &&
	       bytes[23] == '-';
}

/* Sixteen characters and more, of which many differ. */
static size_t match_token(const struct text *text, size_t at)
{
	size_t end = run_end(text, at), length;
	const uint8_t *bytes = text->bytes + at;

	/* The middle of something longer */
	if (at > 0 && text->bytes[at - 1] != '=' && is_secret_byte(text->bytes[at - 1]) &&
	    !text_follows_escape(text, at))
		return at;
	while (end > at && (text->bytes[end - 1] == '.' || text->bytes[end - 1] == '-'))
		end--;
	length = end - at;
	if (length < 16 || length > SECRET_PIECE || !text_is_alnum(bytes[0]) ||
	    !text_starts_word(text, at) || !is_random(bytes, length))
		return at;
	/* A number of a session says little: of keys there is a row of their own. */
	return is_uuid(bytes, length) || is_path(bytes, length) ? at : end;
}

/* Seeds of one-time passwords (RFC 4648 base32, RFC 6238), spaces between groups of four at will. */
static size_t match_seed(const struct text *text, size_t at)
{
	size_t end = at, good = at;
	unsigned count = 0, lower = 0, upper = 0;

	for (; end < text->length && end - at < 96; end++) {
		uint8_t byte = text->bytes[end];

		if ((byte == ' ' || byte == '-') && count % 4 == 0 && count)
			continue;
		if (!text_is_letter(byte) && (byte < '2' || byte > '7'))
			break;
		lower += byte >= 'a';
		upper += byte >= 'A' && byte <= 'Z';
		count++;
		good = end + 1;
	}
	if (count < 16 || (lower && upper) || !text_starts_word(text, at) ||
	    !text_ends_word(text, good))
		return at;
	for (size_t i = at; i < good; i++)
		if (text_is_digit(text->bytes[i]) || upper)
			return good;
	return at;
}

/* "Basic dXNlcjpwYXNz" (RFC 7617): base64 of something with a colon in it */
static size_t match_basic(const struct text *text, size_t at)
{
	size_t end = at;
	bool has_colon = false;

	while (end < text->length && end - at <= SECRET_PIECE &&
	       (text_is_alnum(text->bytes[end]) ||
		(text->bytes[end] != 0 && memchr("+/", text->bytes[end], 2))))
		end++;
	if (end - at < 6 || end - at > SECRET_PIECE - 2 || !text_starts_word(text, at))
		return at;
	for (size_t i = 0; i < (end - at) / 4 * 3; i++) {
		uint8_t byte = decoded(text->bytes + at, i);

		has_colon |= byte == ':';
		if (byte < ' ' || byte == 0x7f)
			return at;
	}
	while (byte_at(text, end) == '=' && end - at < SECRET_PIECE)
		end++;
	return has_colon ? end : at;
}

/* ---- passwords --------------------------------------------------------------------------------------- */

static const char password_words[] =
	"|password|passwords|passwd|pwd|pass|passphrase|passcode|pw|psw|pswd|passwort|passworter|"
	"kennwort|losungswort|zugangscode|passe|mdp|motdepasse|contrasena|contrasenya|clave|senha|"
	"palavra-passe|parola|wachtwoord|haslo|losenord|passord|adgangskode|kodeord|salasana|heslo|"
	"jelszo|sifre|lozinka|geslo|psk|key|passkey|wifi|wlan|userpassword|adminpassword|"
	"dbpassword|rootpassword|schlussel|chiave|acces|acceso|ordine|пароль|κωδικοσ|密码|"
	"パスワート|";
static const char verbs[] = "|is|was|are|be|lautet|lauten|ist|war|est|etait|es|era|e|sera|jest|"
			    "brzmi|ar|er|to|become|becomes|";

/* Over blanks and quotation marks in front of @at. */
static size_t skip_back(const struct text *text, size_t at)
{
	static const char *const marks[] = {" ",      "\t",	"\"",	  "'",	    "`",
					    "\\",     "\u201c", "\u201e", "\u00ab", "\u2018",
					    "\u00a0", "*",	"[",	  "(",	    "<b>"};
	size_t from = at;

	for (size_t i = 0; i < BL_COUNT(marks) && at - from < 12; i++)
		if (is_behind(text, from, marks[i])) {
			from -= strlen(marks[i]);
			i = (size_t)-1;
		}
	return from;
}

static bool is_quote(const struct text *text, size_t at)
{
	return at > 0 && (memchr("\"'`", text->bytes[at - 1], 3) || is_behind(text, at, "\u201c") ||
			  is_behind(text, at, "\u201e") || is_behind(text, at, "\u00ab") ||
			  is_behind(text, at, "\u2018"));
}

/* The word that ends at @at is taken off; where it begins. */
static size_t word_back(const struct text *text, size_t at)
{
	while (at > 0 && (text->bytes[at - 1] >= 0x80 || text_is_alnum(text->bytes[at - 1]) ||
			  text->bytes[at - 1] == '-'))
		at--;
	return at;
}

/* What stands between a label and the value at @at. */
enum joint { JOINT_NONE, JOINT_VERB, JOINT_SIGN };

static enum joint joint_before(const struct text *text, size_t at, size_t *out_label)
{
	size_t from = skip_back(text, at), start = from;

	while (from > 0 && start - from < 3 && memchr(":=>", text->bytes[from - 1], 3))
		from--;
	if (from < start) {
		while (from > 0 && memchr(" \t\"'`*])", text->bytes[from - 1], 8))
			from--;
		/* "the password is:" */
		if (near_word(text, from, verbs))
			from = skip_back(text, word_back(text, from));
		*out_label = from;
		return JOINT_SIGN;
	}
	if (!near_word(text, from, verbs))
		return JOINT_NONE;
	*out_label = skip_back(text, word_back(text, from));
	return JOINT_VERB;
}

/* Does a label end at @at: "password", or "password for the router"? */
static bool is_labelled(const struct text *text, size_t at)
{
	static const char links[] = "|for|of|on|to|fur|vom|von|zum|zur|pour|de|du|del|do|da|di|"
				    "para|per|van|voor|";

	if (near_word(text, at, password_words))
		return true;
	for (unsigned words = 0; words < 4; words++) {
		at = skip_back(text, word_back(text, skip_back(text, at)));
		if (at == 0 || text->bytes[at - 1] == '\n')
			return false;
		if (near_word(text, at, links)) {
			at = skip_back(text, word_back(text, at));
			return near_word(text, at, password_words);
		}
	}
	return false;
}

/* Where a value ends that begins at @at, as far as quotation marks or blanks say. */
static size_t value_end(const struct text *text, size_t at)
{
	uint8_t quote = at ? text->bytes[at - 1] : 0;
	size_t end = at, limit = BL_MIN(text->length, at + PASSWORD_MOST);

	if (quote == '"' || quote == '\'' || quote == '`') {
		while (end < limit && text->bytes[end] != quote && text->bytes[end] >= ' ')
			end++;
		if (end < limit && text->bytes[end] == quote)
			return end > at && text->bytes[end - 1] == '\\' ? end - 1 : end;
		end = at;
	}
	while (end < limit && text->bytes[end] > ' ' && text->bytes[end] != '"' &&
	       text->bytes[end] != '<' &&
	       !(text->bytes[end] >= 0x80 &&
		 (memcmp(text->bytes + end, "\u201d", BL_MIN(limit - end, (size_t)3)) == 0 ||
		  memcmp(text->bytes + end, "\u201c", BL_MIN(limit - end, (size_t)3)) == 0)))
		end++;
	if (end == limit && limit == at + PASSWORD_MOST)
		return at;
	/* The sentence's own: "hunter2)." */
	while (end > at && memchr(".,;:)]}'`\\", text->bytes[end - 1], 10))
		end--;
	return end;
}

/* Digits, signs or capitals inside: no word of a sentence. */
static bool is_no_word(const struct text *text, size_t at, size_t end)
{
	bool has_odd = false, has_digit = false;

	for (size_t i = at; i < end; i++) {
		uint8_t byte = text->bytes[i];

		has_digit |= text_is_digit(byte);
		has_odd |= (byte < 0x80 && !text_is_alnum(byte) && !memchr("-'/.", byte, 4)) ||
			   (i > at && byte >= 'A' && byte <= 'Z' && text->bytes[i - 1] >= 'a' &&
			    text->bytes[i - 1] <= 'z');
	}
	return has_odd || has_digit;
}

static bool is_masked_already(const struct text *text, size_t at, size_t end)
{
	while (at < end && text->bytes[at] == text->bytes[end - 1])
		at++;
	return at == end;
}

/* What stands in programs and forms where a password would: "password: required", "pass = get()" */
static bool is_filler(const struct text *text, size_t at, size_t end)
{
	static const char *const fillers[] = {
		"true",	     "false",	 "null",      "none",	"nil",	   "yes",
		"no",	     "required", "optional",  "string", "str",	   "text",
		"undefined", "invalid",	 "incorrect", "wrong",	"changed", "reset",
		"ok",	     "failed",	 "hidden",    "empty",	"n/a",
	};

	if (memchr(text->bytes + at, '(', end - at) || text->bytes[at] == '<')
		return true;
	for (size_t i = 0; i < BL_COUNT(fillers); i++)
		if (strlen(fillers[i]) == end - at &&
		    strncasecmp((const char *)text->bytes + at, fillers[i], end - at) == 0)
			return true;
	return false;
}

/* Nothing but a password: a digit, a letter, and either a sign or both cases */
static bool is_strong(const struct text *text, size_t at, size_t end)
{
	struct mixture all = mixture_of(text->bytes + at, end - at);
	bool has_sign = false;

	for (size_t i = at; i < end; i++)
		has_sign |= text->bytes[i] < 0x80 && !text_is_alnum(text->bytes[i]) &&
			    !memchr("-'/._,:", text->bytes[i], 7);
	return end - at >= 6 && all.digits && all.upper + all.lower >= 2 &&
	       (has_sign || (all.upper && all.lower));
}

/* Where a label would end that has nothing but blanks, a bracket or a dash between itself and the value at @at. */
static size_t beside(const struct text *text, size_t at)
{
	size_t from = skip_back(text, at);

	if (from > 0 && text->bytes[from - 1] == '-')
		return skip_back(text, from - 1);
	return is_behind(text, from, "\u2013") ? skip_back(text, from - 3) : from;
}

static size_t match_password(const struct text *text, size_t at)
{
	size_t label = at, end;
	enum joint joint = joint_before(text, at, &label);

	if (joint == JOINT_NONE) {
		/* 'password "hunter2"', "password (hunter2!)" */
		label = beside(text, at);
		if (memchr("([-", text->bytes[at], 3) || !near_word(text, label, password_words))
			return at;
	}
	if (!is_labelled(text, label))
		return at;
	end = value_end(text, at);
	if (end - at < 3 || is_masked_already(text, at, end))
		return at;
	if (is_quote(text, at))
		return end;
	if (joint == JOINT_SIGN)
		return is_filler(text, at, end) ? at : end;
	return (joint == JOINT_VERB ? is_no_word(text, at, end) : is_strong(text, at, end)) ? end
											    : at;
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static const char password_labels[] =
	"password|passwords|passwd|pwd|pass|passphrase|passcode|pw|psw|pswd|wifi password|wi-fi "
	"password|wlan password|wifi key|wlan key|wpa key|wpa2 key|psk|network key|passkey|"
	"passwort|passwörter|kennwort|losungswort|zugangscode|wlan-schlüssel|wlan schlüssel|"
	"netzwerkschlüssel|mot de passe|mots de passe|mdp|motdepasse|code d'accès|clé wifi|"
	"contraseña|contrasena|contrasenya|clave|clave de acceso|clave wifi|senha|palavra-passe|"
	"palavra passe|parola|parola d'ordine|parola chiave|wachtwoord|hasło|lösenord|passord|"
	"adgangskode|kodeord|salasana|heslo|jelszó|şifre|sifre|parolă|lozinka|geslo|"
	"пароль|κωδικός|סיסמה|كلمة المرور|密码|パスワード|비밀번호|login password|admin password|"
	"root password|user password|database password|db password|temporary password|default "
	"password";

static const struct kind rows[] = {
	{.id = "password",
	 .standard = "by label; RFC 4616",
	 .class = CLASS_PASSWORD,
	 .trust = KIND_LABELLED,
	 .match = match_password,
	 .labels = password_labels},
	{.id = "device-code",
	 .standard = "3GPP TS 22.030 (PIN, PUK), makers' lock codes",
	 .class = CLASS_PASSWORD,
	 .trust = KIND_LABELLED,
	 .forms = "d{4,10}|d{4}-d{4}|d{3}-d{3}",
	 .labels =
		 "sim pin|sim-pin|pin sim|phone pin|device pin|unlock pin|lock pin|screen pin|"
		 "pin1|pin2|puk|puk1|puk2|puk code|puk-code|code puk|código puk|codice puk|unlock "
		 "code|lock code|screen lock|lockscreen pin|phone code|door code|gate code|alarm "
		 "code|safe code|access code|entry code|entsperrcode|entsperr-pin|sperrcode|"
		 "gerätecode|gerätepin|geräte-pin|handy-pin|zugangscode|türcode|alarmcode|code "
		 "pin sim|code de déverrouillage|digicode|code d'accès|code de verrouillage|código "
		 "de desbloqueo|pin de la sim|código de acceso|codice di sblocco|código de "
		 "desbloqueio|toegangscode|ontgrendelcode|kod odblokowania|voicemail pin|"
		 "verification code|one-time code|otp|otp code|2fa code|security code sms|"
		 "bestätigungscode|verifizierungscode|code de vérification|código de "
		 "verificación|codice di verifica|código de verificação|verificatiecode|kod "
		 "weryfikacyjny|recovery code|backup code"},
	{.id = "token",
	 .standard = "by label; RFC 6749, RFC 6750",
	 .class = CLASS_SECRET,
	 .trust = KIND_LABELLED,
	 .forms = "x{0,511}d",
	 .match = match_token,
	 .labels =
		 "api key|api keys|apikey|api-key|x-api-key|api secret|api token|secret|secrets|"
		 "secret key|secretkey|secret access key|aws secret|aws secret access "
		 "key|aws_secret_"
		 "access_key|access key|accesskey|access key id|client secret|clientsecret|access "
		 "token|accesstoken|auth token|authtoken|auth key|refresh token|id token|bearer|"
		 "bearer token|token|tokens|session|session id|sessionid|session token|session key|"
		 "private token|deploy token|deploy key|personal access token|pat|csrf token|"
		 "account key|accountkey|sharedaccesskey|shared access key|connection string|"
		 "encryption key|master key|signing key|signing secret|webhook secret|app secret|"
		 "appsecret|app key|application key|consumer key|consumer secret|oauth token|"
		 "oauth secret|jwt|sig|signature key|sas token|storage key|license key|licence "
		 "key|product key|recovery key|account sid|auth sid|twilio|heroku|datadog|"
		 "cookie|sid|jsessionid|phpsessid|private key|wallet key|seed|private_key|"
		 "api-schlüssel|schlüssel|geheimschlüssel|zugangsschlüssel|zugriffstoken|"
		 "lizenzschlüssel|wiederherstellungsschlüssel|clé api|clé d'api|clé secrète|clé "
		 "privée|jeton|jeton d'accès|clave api|clave de api|clave secreta|clave privada|"
		 "token de acceso|chiave api|chiave segreta|chave de api|chave secreta|chave "
		 "api|api-sleutel|klucz api|klucz"},
	{.id = "uuid-key",
	 .standard = "by label; RFC 9562",
	 .class = CLASS_SECRET,
	 .trust = KIND_LABELLED,
	 .forms = "h{8}\\-h{4}\\-h{4}\\-h{4}\\-h{12}",
	 .labels =
		 "api key|api keys|apikey|api-key|x-api-key|api token|heroku|heroku api key|heroku "
		 "key|client secret|clientsecret|access token|auth token|secret|secret key|"
		 "license key|licence key|api-schlüssel|clé api|clave api"},
	{.id = "otp-seed",
	 .standard = "RFC 6238, Key URI Format",
	 .class = CLASS_SECRET,
	 .trust = KIND_LABELLED,
	 .match = match_seed,
	 .labels = "otpauth|totp|hotp|otp|otp secret|totp secret|totp seed|2fa secret|2fa "
		   "key|2fa|mfa|mfa secret|authenticator|authenticator key|two-factor|two factor|"
		   "secret|secret key|setup key|seed"},
	{.id = "basic-auth",
	 .standard = "RFC 7617 2",
	 .class = CLASS_URL_CREDENTIALS,
	 .trust = KIND_LABELLED,
	 .match = match_basic,
	 .labels = "basic"},
};
const struct kind_table kinds_secret = {rows, BL_COUNT(rows)};
