#include "fs/cli/report-words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rules.h"

static const char *const WORDS[WORD_COUNT][REPORT_LANG_COUNT] = {
	[WORD_KIND] = {"Report for the customer", "Bericht für die Kundin oder den Kunden"},
	[WORD_TITLE] = {"What happened to your device", "Was mit Ihrem Gerät geschehen ist"},
	[WORD_LEAD] = {"%1, number %2 with us. This report was made on %3.",
		       "%1, bei uns Nummer %2. Dieser Bericht wurde am %3 erstellt."},
	[WORD_AT] = {"%1, %2", "%1, %2 Uhr"},
	[WORD_V_DESTROYED] = {"Destroyed on %1", "Vernichtet am %1"},
	[WORD_V_DESTROYED_TEXT] =
		{"Nothing that was on your device is with us any more. A signed certificate proves "
		 "it; how you can check it yourself stands at the end.",
		 "Von dem, was auf Ihrem Gerät war, ist nichts mehr bei uns. Eine signierte "
		 "Bescheinigung belegt das; wie Sie sie selbst prüfen können, steht am Ende."},
	[WORD_V_EXCEPTIONS_TEXT] =
		{"What was on your device was destroyed here. Not every step could be proven as we "
		 "wish; the signed certificate names what could not. How you can check it yourself "
		 "stands at the end.",
		 "Was auf Ihrem Gerät war, wurde hier vernichtet. Nicht jeder Schritt ließ sich so "
		 "belegen, wie wir es wünschen; die signierte Bescheinigung nennt, was nicht. Wie "
		 "Sie sie selbst prüfen können, steht am Ende."},
	[WORD_V_UNPROVEN] = {"Its destruction is not proven", "Die Vernichtung ist nicht bewiesen"},
	[WORD_V_UNPROVEN_TEXT] =
		{"We have no longer any access to it, but we cannot prove that it is gone. Please "
		 "ask us what is being done about it.",
		 "Wir haben keinen Zugang mehr dazu, können aber nicht beweisen, dass alles weg "
		 "ist. Bitte fragen Sie uns, was wir deswegen tun."},
	[WORD_V_RELEASED] = {"We hold nothing of it any more", "Wir haben nichts mehr davon"},
	[WORD_V_RELEASED_TEXT] =
		{"Your device has left us. Nothing that was on it is with us.",
		 "Ihr Gerät ist nicht mehr bei uns. Von dem, was darauf war, haben wir nichts."},
	[WORD_V_HELD] = {"We still hold it, and must not destroy it yet",
			 "Wir haben es noch und dürfen es noch nicht vernichten"},
	[WORD_V_HELD_TEXT] = {"Somebody stopped the destruction, with a reason that is on record. "
			      "It goes on as soon as that is settled.",
			      "Jemand hat die Vernichtung angehalten; der Grund ist festgehalten. "
			      "Sie geht weiter, sobald das geklärt ist."},
	[WORD_V_DUE] = {"Its time is over", "Die Frist ist abgelaufen"},
	[WORD_V_DUE_TEXT] =
		{"Nobody can look at it any more. It is destroyed as soon as nothing stops that.",
		 "Niemand kann es mehr ansehen. Es wird vernichtet, sobald dem nichts mehr "
		 "entgegensteht."},
	[WORD_V_HERE] = {"We still hold it, until %1 at the latest",
			 "Wir haben es noch, längstens bis %1"},
	[WORD_V_HERE_TEXT] = {"Then it is destroyed, and you can have a signed certificate of "
			      "that. You may ask for it earlier.",
			      "Dann wird es vernichtet, und Sie können darüber eine signierte "
			      "Bescheinigung haben. Sie können das auch früher verlangen."},
	[WORD_V_LENT_TEXT] = {"Then nobody here can look at it any more. The device itself is not "
			      "ours to destroy: it stays as it is.",
			      "Dann kann hier niemand mehr hineinsehen. Das Gerät selbst dürfen "
			      "wir nicht vernichten: es bleibt, wie es ist."},
	[WORD_WAY] = {"The way of your device", "Der Weg Ihres Geräts"},
	[WORD_W_RECEIVED] = {"Received", "Erhalten"},
	[WORD_W_LOOKED] = {"Looked at", "Angesehen"},
	[WORD_W_NOT_LOOKED] = {"Not looked at", "Nicht angesehen"},
	[WORD_W_HELD] = {"Stopped", "Angehalten"},
	[WORD_W_DESTROYED] = {"Destroyed", "Vernichtet"},
	[WORD_W_RELEASED] = {"Given back", "Abgegeben"},
	[WORD_W_TO_DESTROY] = {"To be destroyed", "Vernichtung"},
	[WORD_W_TO_CLOSE] = {"Access ends", "Zugang endet"},
	[WORD_W_FROM] = {"from %1", "ab %1"},
	[WORD_W_BY] = {"by %1", "bis %1"},
	[WORD_H_HELD] = {"1. What we held", "1. Was wir hatten"},
	[WORD_L_DEVICE] = {"Device", "Gerät"},
	[WORD_L_SERIAL] = {"Serial number", "Seriennummer"},
	[WORD_L_NUMBER] = {"Number with us", "Nummer bei uns"},
	[WORD_L_RECEIVED] = {"Received", "Erhalten"},
	[WORD_L_COPY] = {"Kept as", "Aufbewahrt als"},
	[WORD_COPY_SEALED] = {"an encrypted copy of its memory",
			      "verschlüsselte Kopie seines Speichers"},
	[WORD_COPY_PLACE] = {"its memory, in the place where it was handed in",
			     "sein Speicher, an dem Ort, an dem es abgegeben wurde"},
	[WORD_FOUND] = {"On %1 a program looked through %2 and counted these kinds of personal "
			"data. It counts only: no value was written down.",
			"Am %1 hat ein Programm %2 durchgesehen und diese Arten persönlicher Daten "
			"gezählt. Es zählt nur: kein Wert wurde aufgeschrieben."},
	[WORD_FOUND_ITEM] = {"%1: %2, in %3", "%1: %2, in %3"},
	[WORD_FOUND_NOTHING] = {"On %1 a program looked through %2 and found none of the kinds of "
				"personal data that it knows.",
				"Am %1 hat ein Programm %2 durchgesehen und keine der Arten "
				"persönlicher Daten gefunden, die es kennt."},
	[WORD_FOUND_WITHHELD] =
		{"Into %1 (pictures, films, databases and the like) it could not look.",
		 "In %1 (Bilder, Filme, Datenbanken und Ähnliches) konnte es nicht hineinsehen."},
	[WORD_NOT_COUNTED] = {"Nobody had counted what kinds of personal data are on it.",
			      "Niemand hat gezählt, welche Arten persönlicher Daten darauf sind."},
	[WORD_NOT_COUNTED_GONE] =
		{"What had been counted of it, if anything, was destroyed with it.",
		 "Was davon gezählt worden war, wurde mit vernichtet."},
	[WORD_H_WHAT_FOR] = {"2. What for", "2. Wofür"},
	[WORD_WHAT_FOR] = {"These people may look at what is on a device like yours. The machine "
			   "that holds it enforces that: nobody else can.",
			   "Diese Personen dürfen ansehen, was auf einem Gerät wie Ihrem ist. Die "
			   "Maschine, die es aufbewahrt, setzt das durch: sonst kann es niemand."},
	[WORD_WHAT_FOR_GONE] =
		{"These people could look at what was on a device like yours. The machine that "
		 "held it enforced that. Now nobody can.",
		 "Diese Personen durften ansehen, was auf einem Gerät wie Ihrem war. Die Maschine, "
		 "die es aufbewahrte, hat das durchgesetzt. Jetzt kann es niemand mehr."},
	[WORD_WHAT_FOR_NOBODY] = {"Nobody here may look at what is on a device like yours.",
				  "Niemand hier darf ansehen, was auf einem Gerät wie Ihrem ist."},
	[WORD_EVERYBODY] = {"everybody who works here", "alle, die hier arbeiten"},
	[WORD_P_FOR] = {"for %1", "für %1"},
	[WORD_P_CONSENT] = {"only with your consent", "nur mit Ihrer Einwilligung"},
	[WORD_P_REASON] = {"with a reason that is recorded",
			   "mit einer Begründung, die festgehalten wird"},
	[WORD_P_APPROVALS_1] = {"after another person has agreed",
				"nachdem eine weitere Person zugestimmt hat"},
	[WORD_P_APPROVALS_N] = {"after %1 other people have agreed",
				"nachdem %1 weitere Personen zugestimmt haben"},
	[WORD_P_ONLY] = {"only %1", "nur %1"},
	[WORD_P_WHY] = {"In the words of our rules: %1", "In den Worten unserer Regeln: %1"},
	[WORD_H_RECEIVE] = {"3. Who could receive it", "3. Wer es bekommen konnte"},
	[WORD_RECEIVE_NOBODY] =
		{"Nobody. What was on your device is not copied out, and not handed on to anybody.",
		 "Niemand. Was auf Ihrem Gerät war, wird nicht herauskopiert und an niemanden "
		 "weitergegeben."},
	[WORD_RECEIVE] = {"It may be copied out only so:", "Herauskopiert werden darf es nur so:"},
	[WORD_RECEIVE_GONE] = {"It could be copied out only so:",
			       "Herauskopiert werden durfte es nur so:"},
	[WORD_RECEIVE_ELSE] = {"Nobody else could have any of it.",
			       "Sonst konnte niemand etwas davon bekommen."},
	[WORD_H_CHOICE] = {"4. Your choice", "4. Ihre Wahl"},
	[WORD_CONSENT_GRANTED] = {"You agreed to this: %1 (on record since %2).",
				  "Sie haben zugestimmt: %1 (festgehalten am %2)."},
	[WORD_CONSENT_WITHDRAWN] =
		{"You do not agree to this: %1 (on record since %2). Nobody may do it.",
		 "Sie stimmen nicht zu: %1 (festgehalten am %2). Niemand darf das tun."},
	[WORD_CONSENT_NONE] = {"No consent of yours is on record.",
			       "Eine Einwilligung von Ihnen ist nicht festgehalten."},
	[WORD_CHOICE] =
		{"You may agree, refuse, or take back what you agreed to, at any time. You may ask "
		 "what we hold, have it destroyed earlier, or have the device returned. We make "
		 "sure first that it is you who asks.",
		 "Sie können jederzeit zustimmen, ablehnen oder eine Zustimmung zurücknehmen. Sie "
		 "können fragen, was wir haben, es früher vernichten lassen oder das Gerät "
		 "zurückverlangen. Wir vergewissern uns vorher, dass Sie es sind."},
	[WORD_CHOICE_GONE] = {"There is nothing left here that you could have destroyed. You may "
			      "still ask us about it.",
			      "Hier ist nichts mehr, das Sie vernichten lassen könnten. Fragen "
			      "können Sie uns weiterhin."},
	[WORD_REQUEST] = {"You asked on %1: %2. %3", "Am %1 haben Sie verlangt: %2. %3"},
	[WORD_R_ERASE] = {"to have it destroyed", "alles zu vernichten"},
	[WORD_R_DISCLOSE] = {"what we hold", "Auskunft, was wir haben"},
	[WORD_R_RETURN] = {"to have the device returned", "das Gerät zurückzugeben"},
	[WORD_R_OPEN] = {"We are at it.", "Wir sind dabei."},
	[WORD_R_DONE] = {"Done on %1.", "Erledigt am %1."},
	[WORD_R_REFUSED] = {"Refused on %1; ask us why.",
			    "Abgelehnt am %1; fragen Sie uns, warum."},
	[WORD_H_COMPLAIN] = {"5. How to complain", "5. Wie Sie sich beschweren"},
	[WORD_ASK_US] =
		{"Ask us, or complain to us, and say the number %1: %2",
		 "Fragen oder beschweren Sie sich bei uns, und nennen Sie die Nummer %1: %2"},
	[WORD_ASK_US_BLANK] = {"[your contact point: name, address, e-mail]",
			       "[Ihre Anlaufstelle: Name, Anschrift, E-Mail]"},
	[WORD_COMPLAIN] =
		{"You may also complain to the authority for data protection: %1",
		 "Sie können sich auch bei der Aufsichtsbehörde für Datenschutz beschweren: %1"},
	[WORD_COMPLAIN_BLANK] = {"[the authority and its address]",
				 "[die Behörde und ihre Anschrift]"},
	[WORD_H_LOOKED] = {"Who looked at it", "Wer es angesehen hat"},
	[WORD_LOOKED_NOBODY] = {"Nobody. Every look is written down, and there was none.",
				"Niemand. Jeder Blick wird festgehalten, und es gab keinen."},
	[WORD_LOOKED] = {"Every look is written down. These are all of them, day by day:",
			 "Jeder Blick wird festgehalten. Das sind alle, Tag für Tag:"},
	[WORD_LOOKED_MORE] = {"There were more looks than fit here: these are the first %1 lines. "
			      "Ask us for the rest.",
			      "Es gab mehr Blicke, als hier Platz haben: das sind die ersten %1 "
			      "Zeilen. Fragen Sie uns nach dem Rest."},
	[WORD_LOOKED_LEAST] =
		{"The record is longer than could be counted here: these figures are the least.",
		 "Die Aufzeichnung ist länger, als hier gezählt werden konnte: das sind "
		 "Mindestzahlen."},
	[WORD_C_DAY] = {"Day", "Tag"},
	[WORD_C_WHO] = {"Who", "Wer"},
	[WORD_C_WHAT_FOR] = {"What for", "Wofür"},
	[WORD_C_WHAT] = {"What was seen", "Was zu sehen war"},
	[WORD_WHO_MANY] = {"%1 (%2 people)", "%1 (%2 Personen)"},
	[WORD_WHO_NAMED] = {"%1 (%2)", "%1 (%2)"},
	[WORD_WHO_NOBODY] = {"somebody without a role here today",
			     "jemand, der hier heute keine Rolle mehr hat"},
	[WORD_NO_PURPOSE] = {"not stated", "nicht angegeben"},
	[WORD_SAW_FILES] = {"%1 opened", "%1 geöffnet"},
	[WORD_SAW_NAMES] = {"names of files", "Namen von Dateien"},
	[WORD_SAW_DENIED_1] = {"1 attempt was refused", "1 Versuch wurde abgewiesen"},
	[WORD_SAW_DENIED_N] = {"%1 attempts were refused", "%1 Versuche wurden abgewiesen"},
	[WORD_SEALED] = {"Files were opened in a sealed place, from which no program can copy "
			 "anything out.",
			 "Dateien wurden an einem abgeschlossenen Ort geöffnet, aus dem kein "
			 "Programm etwas herauskopieren kann."},
	[WORD_OPEN_MOUNT] =
		{"Files were opened on a work computer of ours, where copying is possible and "
		 "permitted by our rules to those who opened them.",
		 "Dateien wurden auf einem Arbeitsrechner von uns geöffnet. Dort ist Kopieren "
		 "möglich und nach unseren Regeln denen erlaubt, die sie geöffnet haben."},
	[WORD_H_MASKED] = {"What stayed hidden", "Was verborgen blieb"},
	[WORD_MASKED] = {"Whoever looked saw it through a filter. It hides what it finds of these "
			 "kinds: %1.",
			 "Wer hineinsah, sah durch einen Filter. Er verbirgt, was er von diesen "
			 "Arten findet: %1."},
	[WORD_MASKED_LIMIT] = {"A filter can miss something. Files that it cannot look into were "
			       "not shown at all.",
			       "Ein Filter kann etwas übersehen. Dateien, in die er nicht "
			       "hineinsehen kann, wurden gar nicht gezeigt."},
	[WORD_UNMASKED_NEVER] = {"Nothing that it found was ever shown as it is.",
				 "Nichts, was er fand, wurde je unverdeckt gezeigt."},
	[WORD_UNMASKED_1] =
		{"1 file was opened in which these were not hidden: %1. On %2, by: %3.",
		 "1 Datei wurde geöffnet, in der das nicht verdeckt war: %1. Am %2, von: %3."},
	[WORD_UNMASKED_N] =
		{"%4 files were opened in which these were not hidden: %1. On %2, by: %3.",
		 "%4 Dateien wurden geöffnet, in denen das nicht verdeckt war: %1. Am %2, von: "
		 "%3."},
	[WORD_H_WRONG] = {"What went wrong", "Was schiefging"},
	[WORD_INCIDENT_OPEN] = {"%1: %2. We are dealing with it.",
				"%1: %2. Wir kümmern uns darum."},
	[WORD_INCIDENT_CLOSED] = {"%1: %2. Settled on %3. So that it does not happen again: %4",
				  "%1: %2. Geklärt am %3. Damit es nicht wieder geschieht: %4"},
	[WORD_I_DAMAGE] = {"the device was damaged", "das Gerät wurde beschädigt"},
	[WORD_I_LOSS] = {"the device, or data of it, could not be found",
			 "das Gerät oder Daten davon waren nicht auffindbar"},
	[WORD_I_EXPOSURE] = {"data was seen by somebody who should not have seen it",
			     "Daten wurden von jemandem gesehen, der sie nicht sehen durfte"},
	[WORD_I_COMPLAINT] = {"you complained", "Sie haben sich beschwert"},
	[WORD_H_DESTROYED] = {"How it was destroyed", "Wie es vernichtet wurde"},
	[WORD_H_TO_DESTROY] = {"When it will be destroyed", "Wann es vernichtet wird"},
	[WORD_D_WHEN] = {"When", "Wann"},
	[WORD_D_HOW] = {"How", "Wie"},
	[WORD_D_RESULT] = {"Result", "Ergebnis"},
	[WORD_D_ERASED] = {"destroyed, and read back to be sure",
			   "vernichtet und zur Sicherheit nachgelesen"},
	[WORD_D_EXCEPTIONS] = {"destroyed; what could not be proven stands in the certificate",
			       "vernichtet; was nicht zu belegen war, steht in der Bescheinigung"},
	[WORD_D_NOT] = {"not proven", "nicht bewiesen"},
	[WORD_HOW_OVERWRITE] = {"overwritten", "überschrieben"},
	[WORD_HOW_KEYS] = {"it was encrypted, and all keys to it were destroyed",
			   "es war verschlüsselt, und alle Schlüssel dazu wurden vernichtet"},
	[WORD_HOW_NONE] = {"no way is on record", "kein Verfahren ist festgehalten"},
	[WORD_D_VERIFIED] = {"On %1 somebody else looked again whether all is gone: %2.",
			     "Am %1 hat jemand anderes nachgesehen, ob alles weg ist: %2."},
	[WORD_D_VERIFIED_GOOD] = {"it is", "das ist es"},
	[WORD_D_VERIFIED_BAD] = {"not all was as it should be",
				 "nicht alles war, wie es sein soll"},
	[WORD_D_PART] = {"Destroyed ahead of the rest, on %1: %2.",
			 "Schon vor dem Rest vernichtet, am %1: %2."},
	[WORD_D_SOURCE] = {"The copy that it was taken from was destroyed on %1.",
			   "Die Vorlage, von der kopiert wurde, wurde am %1 vernichtet."},
	[WORD_D_ON] = {"On %1, by our rules, unless somebody has to stop that.",
		       "Am %1, nach unseren Regeln, falls niemand das anhalten muss."},
	[WORD_D_NOT_OURS] =
		{"The device is not ours to destroy. On %1 all access to it ends here.",
		 "Das Gerät dürfen wir nicht vernichten. Am %1 endet hier jeder Zugang dazu."},
	[WORD_D_RELEASED] =
		{"The device has left us without anything having to be destroyed here.",
		 "Das Gerät hat uns verlassen, ohne dass hier etwas zu vernichten war."},
	[WORD_D_HOLD] = {"Since %1 the destruction is stopped: %2.",
			 "Seit %1 ist die Vernichtung angehalten: %2."},
	[WORD_D_HOLD_INCIDENT] = {"what went wrong has to be settled first",
				  "erst muss geklärt werden, was schiefging"},
	[WORD_D_HOLD_PERSON] = {"somebody gave a reason, which is on record",
				"jemand hat einen Grund genannt, der festgehalten ist"},
	[WORD_H_CHECK] = {"How to check the certificate", "Wie Sie die Bescheinigung prüfen"},
	[WORD_CHECK_LATER] =
		{"When it is destroyed you can have a signed certificate of that, and this report "
		 "tells you how to check it.",
		 "Wenn es vernichtet ist, können Sie darüber eine signierte Bescheinigung haben, "
		 "und dieser Bericht sagt Ihnen, wie Sie sie prüfen."},
	[WORD_CHECK_NONE] = {"There is no certificate: nothing was destroyed here.",
			     "Es gibt keine Bescheinigung: hier wurde nichts vernichtet."},
	[WORD_CHECK_ASK] = {"Ask us for the file %1. Anybody with the free program Bailee can "
			    "check it, without us:",
			    "Lassen Sie sich die Datei %1 geben. Jeder mit dem freien Programm "
			    "Bailee kann sie prüfen, ohne uns:"},
	[WORD_CHECK_GENUINE] =
		{"It says “genuine” when we signed it and nothing was changed since.",
		 "Es sagt „genuine“ (echt), wenn sie von uns signiert und seither nicht verändert "
		 "ist."},
	[WORD_CHECK_KEY] = {"Our key", "Unser Schlüssel"},
	[WORD_CHECK_KEY_TEXT] =
		{"The key is ours when somebody here whom you know reads you the same digits.",
		 "Der Schlüssel ist unserer, wenn jemand, den Sie hier kennen, Ihnen dieselben "
		 "Ziffern vorliest."},
	[WORD_CHECK_DIGEST] = {"Fingerprint", "Fingerabdruck"},
	[WORD_CHECK_DIGEST_OF] = {"%1 (of %2, by b2sum -l 256)", "%1 (von %2, mit b2sum -l 256)"},
	[WORD_FILE_1] = {"1 file", "1 Datei"},
	[WORD_FILE_N] = {"%1 files", "%1 Dateien"},
	[WORD_AND] = {"%1 and %2", "%1 und %2"},
	[WORD_MADE] = {"Made by Bailee from the records of the machine that holds the data, by the "
		       "rules in force (number %1).",
		       "Erstellt von Bailee aus den Aufzeichnungen der Maschine, die die Daten "
		       "aufbewahrt, nach den geltenden Regeln (Nummer %1)."},
};

static const char *const KINDS[DEVICE_KIND_COUNT][REPORT_LANG_COUNT] = {
	[DEVICE_PHONE] = {"Phone", "Telefon"},
	[DEVICE_TABLET] = {"Tablet", "Tablet"},
	[DEVICE_LAPTOP] = {"Laptop", "Laptop"},
	[DEVICE_DESKTOP] = {"Computer", "Rechner"},
	[DEVICE_DISK] = {"Disk", "Festplatte"},
	[DEVICE_USB_STICK] = {"USB stick", "USB-Stick"},
	[DEVICE_MEMORY_CARD] = {"Memory card", "Speicherkarte"},
	[DEVICE_CAMERA] = {"Camera", "Kamera"},
	[DEVICE_CONSOLE] = {"Game console", "Spielkonsole"},
	[DEVICE_WEARABLE] = {"Watch or band", "Uhr oder Armband"},
	[DEVICE_NETWORK] = {"Network device", "Netzwerkgerät"},
	[DEVICE_PRINTER] = {"Printer", "Drucker"},
	[DEVICE_OTHER] = {"Device", "Gerät"},
};

/* English is the notice's: rules_class_words. */
static const char *const CLASSES_DE[CLASS_COUNT] = {
	[CLASS_NAME] = "Namen",
	[CLASS_EMAIL] = "E-Mail-Adressen",
	[CLASS_PHONE] = "Telefonnummern",
	[CLASS_ADDRESS] = "Postanschriften",
	[CLASS_POSTCODE] = "Postleitzahlen",
	[CLASS_DATE_OF_BIRTH] = "Geburtsdaten",
	[CLASS_CARD] = "Nummern von Zahlungskarten",
	[CLASS_CARD_TRACK] = "Magnetstreifen von Karten",
	[CLASS_CARD_PIN] = "PINs von Karten",
	[CLASS_CARD_SECURITY_CODE] = "Prüfziffern von Karten",
	[CLASS_IBAN] = "IBANs",
	[CLASS_BANK_ACCOUNT] = "Kontonummern",
	[CLASS_NATIONAL_ID] = "Personalausweis- und Personennummern",
	[CLASS_TAX_ID] = "Steuernummern",
	[CLASS_PASSPORT] = "Reisepassnummern",
	[CLASS_DRIVING_LICENCE] = "Führerscheinnummern",
	[CLASS_HEALTH_ID] = "Kranken- und Patientennummern",
	[CLASS_IP] = "Internet-Adressen",
	[CLASS_MAC] = "Hardware-Adressen",
	[CLASS_URL_CREDENTIALS] = "Passwörter in Links",
	[CLASS_IMEI] = "Gerätenummern (IMEI)",
	[CLASS_VIN] = "Fahrzeugnummern",
	[CLASS_PLATE] = "Kfz-Kennzeichen",
	[CLASS_LOCATION] = "Orte, an denen Sie waren",
	[CLASS_CRYPTO_ADDRESS] = "Adressen von Kryptowährungen",
	[CLASS_PASSWORD] = "Passwörter",
	[CLASS_SECRET] = "Zugangsschlüssel",
	[CLASS_PRIVATE_KEY] = "private Schlüssel",
	[CLASS_CUSTOMER] = "Ihr eigener Name, Ihre E-Mail-Adresse, Telefonnummer und Anschrift",
};

static const char *const MONTHS[12][REPORT_LANG_COUNT] = {
	{"January", "Januar"},	{"February", "Februar"},  {"March", "März"},
	{"April", "April"},	{"May", "Mai"},		  {"June", "Juni"},
	{"July", "Juli"},	{"August", "August"},	  {"September", "September"},
	{"October", "Oktober"}, {"November", "November"}, {"December", "Dezember"},
};

static const char *const LANGS[REPORT_LANG_COUNT] = {[REPORT_EN] = "en", [REPORT_DE] = "de"};

bool report_lang_parse(const char *name, enum report_lang *out)
{
	for (unsigned i = 0; i < REPORT_LANG_COUNT; i++)
		if (strcmp(LANGS[i], name) == 0) {
			*out = (enum report_lang)i;
			return true;
		}
	return false;
}

const char *report_lang_name(enum report_lang lang)
{
	return LANGS[lang];
}

const char *report_word(enum report_lang lang, enum report_word word)
{
	return WORDS[word][lang];
}

char *report_say(enum report_lang lang, enum report_word word, const char *const *texts)
{
	const char *at = WORDS[word][lang];
	char *said = NULL;
	size_t size, count = 0;
	FILE *out = open_memstream(&said, &size);

	if (!out)
		return NULL;
	while (texts[count])
		count++;
	for (; *at; at++) {
		size_t which = *at == '%' ? (size_t)(at[1] - '1') : SIZE_MAX;

		if (which < count)
			fputs(texts[which], out);
		else
			fputc(*at, out);
		at += which < count;
	}
	if (fclose(out) == 0)
		return said;
	free(said);
	return NULL;
}

/* ---- dates ------------------------------------------------------------------------------------------- */

static bool parse_day(const char *moment, int *year, int *month, int *day)
{
	return moment && sscanf(moment, "%4d-%2d-%2d", year, month, day) == 3 && *month >= 1 &&
	       *month <= 12 && *day >= 1 && *day <= 31;
}

const char *report_date(enum report_lang lang, const char *moment, char out[REPORT_DATE])
{
	static const char *const FORMS[REPORT_LANG_COUNT] = {"", "."};
	int year, month, day;

	out[0] = '\0';
	if (parse_day(moment, &year, &month, &day))
		snprintf(out, REPORT_DATE, "%d%s %s %04d", day, FORMS[lang],
			 MONTHS[month - 1][lang], year);
	return out;
}

const char *report_short_date(enum report_lang lang, const char *moment, char out[REPORT_DATE])
{
	int year, month, day;

	out[0] = '\0';
	if (!parse_day(moment, &year, &month, &day))
		return out;
	if (lang == REPORT_DE)
		snprintf(out, REPORT_DATE, "%02d.%02d.%04d", day, month, year);
	else
		snprintf(out, REPORT_DATE, "%d %.3s %04d", day, MONTHS[month - 1][lang], year);
	return out;
}

/* ---- words of the policy language ----------------------------------------------------------------------- */

const char *report_kind(enum report_lang lang, const char *kind)
{
	enum bl_device_kind value;

	return KINDS[bl_device_kind_parse(kind, &value) ? value : DEVICE_OTHER][lang];
}

const char *report_class(enum report_lang lang, const char *name)
{
	enum bl_class class;

	if (!bl_class_parse(name, &class))
		return name;
	return lang == REPORT_DE ? CLASSES_DE[class] : rules_class_words(class);
}
