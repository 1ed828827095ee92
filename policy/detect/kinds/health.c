/* Numbers of patients, insured people and those who treat them */
#include "policy/detect/kind.h"

#include <string.h>

#include "policy/detect/kinds/check.h"

/* Letters and digits, single '-' or '/' between, five digits at least; behind a label only. */
static size_t match_record(const struct text *text, size_t at)
{
	size_t end = at, digits = 0, count = 0, groups = 1;
	uint8_t before = at ? text->bytes[at - 1] : ' ';

	if (!text_is_alnum(text->bytes[at]) || !text_starts_word(text, at) || before >= 0x80 ||
	    memchr("+@$/\\._%&?-", before, 11))
		return at;
	for (size_t i = at; i < text->length && i - at < 32; i++) {
		uint8_t byte = text->bytes[i];

		if (text_is_alnum(byte)) {
			digits += text_is_digit(byte);
			count++;
			end = i + 1;
		} else if ((byte == '-' || byte == '/') && end == i && i > at) {
			groups++;
		} else {
			break;
		}
	}
	if (digits < 5 || count < 6 || count > 16 || count - digits > digits + 2 || groups > 4 ||
	    !text_ends_word(text, end))
		return at;
	/* A date has eight digits in three groups. */
	if (groups == 3 && digits == count && digits <= 8)
		return at;
	return end < text->length && memchr("@%=(", text->bytes[end], 4) ? at : end;
}

#define RECORD_LABELS                                                                                                                 \
	"mrn|mrns|mrn no|mrn number|mr no|mr number|mr #|medical record|medical record number|"                                       \
	"medical record no|medical records|medical record #|med rec|med rec no|med rec number|"                                       \
	"medrec|med record|med record number|patient id|patient no|patient number|patient nr|"                                        \
	"patient identifier|patient identification|patient identification number|pat id|pat no|"                                      \
	"hospital number|hospital no|hospital id|unit number|chart number|chart no|chart id|"                                         \
	"health record|health record number|health record no|case number patient|ehr id|emr id|"                                      \
	"encounter id|encounter number|visit number|admission number|patientennummer|"                                                \
	"patienten nr|patienten id|patientennr|patientenid|fallnummer|aufnahmenummer|"                                                \
	"krankenaktennummer|krankenakte|numéro de patient|no de patient|n° patient|id patient|"                                     \
	"identifiant patient|numéro patient|ipp|numéro de dossier|numéro de dossier médical|"                                     \
	"dossier médical|dossier patient|n° de dossier|historia clínica|"                                                          \
	"número de historia clínica|nhc|n h c|número de historia|expediente clínico|"                                             \
	"número de expediente|número de paciente|id de paciente|no de paciente|cartella clinica|"                                   \
	"numero cartella clinica|id paziente|numero paziente|prontuário|número do prontuário|"                                     \
	"patiëntnummer|patientnummer|patiënt nummer|journalnummer|potilasnumero|numer pacjenta|"                                    \
	"nr pacjenta|rodné číslo pacienta|номер пациента|номер карты пациента|病歷號|病历号|" \
	"住院号|患者番号|患者id|환자번호|no rekam medis|rekam medis"

#define INSURANCE_LABELS                                                                           \
	"health insurance|health insurance number|health insurance id|health insurance no|"        \
	"health insurance card|insurance id|insurance number|insurance no|insurance policy "       \
	"number|"                                                                                  \
	"insurance policy|insurance card|policy number|policy no|policy id|health plan|"           \
	"health plan number|health plan id|health plan beneficiary|"                               \
	"health plan beneficiary number|beneficiary number|beneficiary id|beneficiary identifier|" \
	"member id|member no|member number|membership id|memberid|subscriber id|"                  \
	"subscriber number|subscriber no|enrollee id|group number|plan id|insured id|"             \
	"insured id number|policyholder id|medicaid|medicaid id|medicaid number|medicaid no|"      \
	"medi cal|medical assistance id|recipient id|health card|health card number|"              \
	"health card no|health id|health number|health no|healthcare number|healthcare id|"        \
	"health care number|ehic|ehic number|european health insurance card|nhi|nhi number|"       \
	"krankenkasse|krankenkassennummer|krankenversicherung|krankenversicherungsnummer|"         \
	"krankenversichertennummer|versichertennummer|versicherten nr|versichertennr|"             \
	"versicherungsnummer|versicherungs nr|versicherungsnr|kassennummer|"                       \
	"gesundheitskarte|mitgliedsnummer|numéro d'assurance maladie|assurance maladie|"          \
	"numéro d'assuré|numéro d'adhérent|numéro adhérent|mutuelle|numéro de mutuelle|"    \
	"carte vitale|carte européenne|tarjeta sanitaria|número de tarjeta sanitaria|"           \
	"número de afiliado|número de asegurado|seguro médico|número de póliza|tsi|cip|"      \
	"tessera sanitaria|numero tessera sanitaria|tessera|codice sanitario|"                     \
	"número de utente|utente|sns|número de beneficiário|plano de saúde|carteirinha|"       \
	"carteira do plano|zorgverzekering|zorgpolisnummer|polisnummer|verzekerdennummer|"         \
	"uzovi|zorgverzekeringsnummer|numer ubezpieczenia|nr polisy|ubezpieczenie zdrowotne|"      \
	"sjukförsäkring|полис|полис омс|омс|номер "                         \
	"полиса|健康保険|保険証番号|医保卡|社保卡|건강보험"

static const struct kind rows[] = {
	/* ---- United States, Canada */
	{"us-npi", "45 CFR 162.406; CMS, NPI check digit (80840, Luhn)", CLASS_HEALTH_ID,
	 KIND_LABELLED, "d{10}|d{4}-d{3}-d{3}|d{3}-d{3}-d{4}", NULL, check_us_npi,
	 "npi|npis|npi no|npi number|npi #|national provider|national provider identifier|provider "
	 "id|"
	 "provider npi|provider number|provider identifier|rendering provider|billing provider|"
	 "prescriber|prescriber id|prescriber npi|physician id",
	 "npi"},
	{"us-mbi", "CMS, Understanding the MBI format", CLASS_HEALTH_ID, KIND_LABELLED,
	 "daxd_axd_a{2}d{2}", NULL, check_us_mbi,
	 "mbi|mbi number|medicare|medicare id|medicare number|medicare no|medicare beneficiary|"
	 "medicare beneficiary identifier|medicare beneficiary id|medicare card|medicare card "
	 "number|"
	 "beneficiary|hic|hicn|health insurance claim number|" INSURANCE_LABELS,
	 "mbi|medicare"},
	{"us-hicn", "CMS, Health Insurance Claim Number, until 2019", CLASS_HEALTH_ID,
	 KIND_LABELLED, "d{3}_d{2}_d{4}_a{1}|d{3}_d{2}_d{4}_ad", NULL, NULL,
	 "hicn|hic|medicare|medicare number|medicare id|medicare no|health insurance claim number",
	 NULL},
	{"us-dea", "21 CFR 1301; DEA registration numbers", CLASS_HEALTH_ID, KIND_LABELLED,
	 "a{2}_d{7}|adx{1}d{6}|a9d{7}", NULL, check_us_dea,
	 "dea|dea no|dea number|dea #|dea registration|dea registration number|dea "
	 "license|prescriber|"
	 "dea reg|dea reg no|dea lic",
	 "dea"},
	{"ca-ohip", "Ontario Ministry of Health, Technical Specifications (Luhn)", CLASS_HEALTH_ID,
	 KIND_LABELLED,
	 "d{4}_d{3}_d{3}|d{4}_d{3}_d{3}_a{2}|d{10}a{2}|d{10} a{2}|d{4} d{3} d{3}a{2}", NULL,
	 check_ca_ohip,
	 "ohip|ohip number|ohip no|ohip card|health card|health card number|health card no|ontario "
	 "health card|"
	 "ontario health|hcn|health number|health insurance|carte santé|numéro de carte santé",
	 "ohip"},
	{"ca-ramq", "RAMQ, numéro d'assurance maladie", CLASS_HEALTH_ID, KIND_LABELLED,
	 "a{4}_d{4}_d{4}", NULL, check_ca_ramq,
	 "ramq|nam|assurance maladie|numéro d'assurance maladie|no d'assurance maladie|carte "
	 "d'assurance maladie|"
	 "carte soleil|quebec health card|health insurance|health card|health insurance "
	 "number|health card number|"
	 "health number",
	 NULL},
	{"ca-phn", "BC, Alberta, Manitoba and the like: personal health number", CLASS_HEALTH_ID,
	 KIND_LABELLED, "d{9}|d{10}|d{4}_d{3}_d{3}|d{5}_d{4}|d{3}_d{3}_d{3}|d{12}", NULL, NULL,
	 "phn|personal health number|care card|bc services card|ahcip|phin|mcp|msi|health card "
	 "number|health card|"
	 "health number|provincial health number",
	 NULL},
	/* ---- Great Britain, Ireland */
	{"gb-nhs", "NHS Data Model and Dictionary, NHS number (modulus 11)", CLASS_HEALTH_ID,
	 KIND_LABELLED, "d{3}_d{3}_d{4}|d{10}|d{3} d{7}", NULL, check_gb_nhs,
	 "nhs|nhs no|nhs number|nhs num|nhs nr|nhs id|nhs #|nhsnumber|nhs no.|national health "
	 "service|"
	 "national health service number|nhs patient|health service number|h c number|hsc number|"
	 "health and care number|hcn|patient number|patient id|health number|patient nhs|health id",
	 "nhs|nhs number|nhs no"},
	{"gb-chi", "NHS Scotland, Community Health Index", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{10}|d{6}_d{4}", NULL, check_gb_chi,
	 "chi|chi no|chi number|community health index|community health index number", NULL},
	{"ie-ihi", "HIQA, Individual Health Identifier", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{18}|d{7}_a{1,2}", NULL, NULL,
	 "ihi|individual health identifier|gms number|medical card number|medical card", NULL},
	/* ---- the continent */
	{"de-kvnr", "SGB V 290; GKV-Spitzenverband, Krankenversichertennummer", CLASS_HEALTH_ID,
	 KIND_LABELLED, "ad{9}|a_d{3}_d{3}_d{3}|a d{9}", NULL, check_de_health,
	 "kvnr|kv nr|kv "
	 "nummer|krankenversichertennummer|krankenversicherungsnummer|versichertennummer|"
	 "versicherten nr|versichertennr|versicherten "
	 "id|krankenkasse|krankenkassennummer|kassennummer|"
	 "krankenversicherten nr|gesundheitskarte|egk|egk "
	 "nummer|krankenversicherung|versichertennummer der krankenkasse|"
	 "aok|tk|barmer|dak|gkv|gkv nummer|versicherungsnummer|versicherungs nr|mitgliedsnummer|"
	 "health insurance number|health insurance no|health insurance|insurance number|insurance "
	 "no|member id|"
	 "german health insurance number",
	 "kvnr"},
	{"de-lanr", "KBV, lebenslange Arztnummer; Betriebsstättennummer; IK", CLASS_HEALTH_ID,
	 KIND_LABELLED, "d{9}", NULL, NULL,
	 "lanr|arztnummer|arzt nr|bsnr|betriebsstättennummer|betriebsstätten nr|arztnr", NULL},
	{"eu-ehic", "Decision S1; EN 1867", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{20}|d{4} d{4} d{4} d{4} d{4}", NULL, NULL,
	 INSURANCE_LABELS "|team|kennnummer der karte|european health card", NULL},
	{"ch-card", "VVK; SN EN 1867, Versichertenkarte", CLASS_HEALTH_ID, KIND_LABELLED,
	 "80756d{15}|d{5} d{5} d{5} d{5}", NULL, NULL,
	 "versichertenkarte|kartennummer|kennnummer|carte d'assuré|veka|" INSURANCE_LABELS, NULL},
	{"it-tessera", "DM 11/3/2004, tessera sanitaria; EN 1867", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{20}", NULL, check_it_card,
	 "tessera sanitaria|team|tessera|numero tessera|numero tessera sanitaria|ssn", NULL},
	{"es-cip", "Real Decreto 183/2004, tarjeta sanitaria (CIP)", CLASS_HEALTH_ID, KIND_LABELLED,
	 "a{4}_d{10}|a{4}_d_d{6}_d{2}_d|a{4}d{12}|a{2}d{10}", NULL, NULL,
	 "cip|tarjeta sanitaria|tsi|cip sns|código de identificación personal|tis|nuhsa|número de "
	 "tarjeta sanitaria|tarjeta sanitaria individual|citv",
	 NULL},
	{"fr-rpps", "ASIP Santé, RPPS, ADELI, FINESS", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{11}|d{9}|d{2} d d{5} d", NULL, NULL,
	 "rpps|numéro rpps|n° rpps|adeli|numéro adeli|finess|no rpps", NULL},
	{"fr-ins", "Référentiel identifiant national de santé", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d_d{2}_d{2}_dx_d{3}_d{3}_d{2}|d{13}_d{2}", NULL, check_fr_nir,
	 "ins|matricule ins|carte vitale|numéro vitale|assurance maladie|cpam|numéro "
	 "d'assuré|identifiant national de santé|numéro ameli|ameli",
	 NULL},
	{"pt-utente", "Portaria 981/95, número de utente", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{9}|d{3} d{3} d{3}", NULL, NULL,
	 "utente|número de utente|número utente|sns|n utente|número de utente do sns|utente nº",
	 NULL},
	{"hu-taj", "1996. évi XX. törvény (TAJ)", CLASS_HEALTH_ID, KIND_LABELLED, "d{3}_d{3}_d{3}",
	 NULL, check_hu_taj,
	 "taj|taj szám|tajszám|taj kártya|taj száma|társadalombiztosítási "
	 "azonosító|társadalombiztosítási azonosító jel|social security number|"
	 "health insurance number|taj number",
	 "taj"},
	{"gr-amka", "ν. 3655/2008, ΑΜΚΑ", CLASS_HEALTH_ID, KIND_LABELLED, "d{11}|d{6} d{5}", NULL,
	 check_gr_amka,
	 "αμκα|amka|α μ κ α|αριθμός μητρώου κοινωνικής ασφάλισης|social security number|αμα",
	 "αμκα|amka"},
	{"ru-oms", "Федеральный закон 326-ФЗ, полис ОМС", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{16}|d{4} d{4} d{4} d{4}", NULL, NULL,
	 "омс|полис|полис омс|номер полиса|енп|полиса омс|oms", NULL},
	/* ---- elsewhere */
	{"au-medicare", "Services Australia, Medicare card number", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{4}_d{5}_d|d{4}_d{5}_d_d|d{10,11}|d{4} d{5} d/d|d{10}/d|d{10} d|d{10}\\-d|d{4} d{5} "
	 "d\\-d",
	 NULL, check_au_medicare,
	 "medicare|medicare no|medicare number|medicare card|medicare card number|medicare "
	 "num|medicare card no|"
	 "medicare id|australian medicare|irn|health insurance|health card|health care "
	 "card|medicare nr",
	 "medicare"},
	{"au-ihi", "Healthcare Identifiers Act 2010 (ISO 7812, 80036)", CLASS_HEALTH_ID,
	 KIND_LABELLED, "80036d{11}|8003_6d{3}_d{4}_d{4}", NULL, check_luhn,
	 "ihi|individual healthcare identifier|hpi i|hpi o|hpii|hpio|healthcare "
	 "identifier|" INSURANCE_LABELS,
	 NULL},
	{"au-dva", "Department of Veterans' Affairs, file number", CLASS_HEALTH_ID, KIND_LABELLED,
	 "a{2,4}_d{4,6}|ax{1,3}d{4,6}a", NULL, NULL,
	 "dva|dva number|dva no|dva file number|veteran card|dva file|crn|centrelink", NULL},
	{"nz-nhi", "HISO 10046, National Health Index", CLASS_HEALTH_ID, KIND_LABELLED,
	 "a{3}_d{4}|a{3}_d{2}a{2}", NULL, check_nz_nhi,
	 "nhi|nhi no|nhi number|national health index|national health index number|" RECORD_LABELS,
	 "nhi"},
	{"in-abha", "ABDM, Health Data Management Policy", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{2}_d{4}_d{4}_d{4}", NULL, check_verhoeff,
	 "abha|abha no|abha number|abha id|health id|ayushman|ayushman bharat|ndhm|pmjay", NULL},
	{"br-cns", "Portaria MS 940/2011, Cartão Nacional de Saúde", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{15}|d{3}_d{4}_d{4}_d{4}", NULL, check_br_cns,
	 "cns|cartão sus|sus|cartão nacional de saúde|cartão do sus|número do cartão sus|carteira "
	 "sus",
	 NULL},
	{"br-crm", "CFM, Resolução 1.948/2010", CLASS_HEALTH_ID, KIND_LABELLED,
	 "a{2}_d{4,7}|d{4,7}/a{2}|d{4,7}\\-a{2}|d{5,7}", NULL, NULL,
	 "crm|crm/sp|crm sp|crm rj|crm mg|coren", NULL},
	{"tw-nhi", "全民健康保險法", CLASS_HEALTH_ID, KIND_LABELLED, "d{12}|d{4} d{4} d{4}", NULL,
	 NULL, "健保卡|健保卡號|nhi card|nhi card number", NULL},
	{"th-hn", "หมายเลขผู้ป่วย (HN)", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{5,9}|d{2}\\-d{5,7}|d{5,7}/d{2}", NULL, NULL, "hn|hn no|เลขผู้ป่วย|หมายเลขผู้ป่วย", NULL},
	/* ---- by label alone */
	{"health-record", "45 CFR 164.514(b)(2)(i)(H)", CLASS_HEALTH_ID, KIND_LABELLED, "x{0,15}d",
	 match_record, NULL, RECORD_LABELS, NULL},
	{"health-record-short", "45 CFR 164.514(b)(2)(i)(H)", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{4,10}|d{2,4}\\-d{2,4}\\-d{2,4}|d{3} d{3} d{3}|a{1,3}_d{4,10}", NULL, NULL,
	 "mrn|mrns|mrn no|mrn number|mrn #|medical record number|medical record no|med rec "
	 "no|patient id|patient no|patient number",
	 "mrn"},
	{"health-insurance", "45 CFR 164.514(b)(2)(i)(I)", CLASS_HEALTH_ID, KIND_LABELLED,
	 "x{0,15}d", match_record, NULL, INSURANCE_LABELS, NULL},
	{"health-insurance-spaced", "45 CFR 164.514(b)(2)(i)(I)", CLASS_HEALTH_ID, KIND_LABELLED,
	 "d{3} d{3} d{3}|d{3} d{2} d{4}|d{4} d{4} d{4}|d{3} d{3} d{4}|a{1,4} d{6,12}|a{2} d{2} "
	 "d{2} d{2} a|d{4} d{4} d{4} d{4}",
	 NULL, NULL, INSURANCE_LABELS, NULL},
};

const struct kind_table kinds_health = {rows, BL_COUNT(rows)};
