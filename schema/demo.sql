-- The demo: a small publishing house with authors, articles, tags, comments and
-- subscribers, built from nothing in well under a second.
--
-- Run once on an empty SQLite database (3.38 or newer). Every row comes from its
-- row number and the word lists below, so each run builds the same house. The
-- word lists and the dice live in temporary tables and leave no trace. They are
-- looked up by CROSS JOIN, which keeps SQLite's planner to the order written.

BEGIN;

------------------------------------------------------------------------------
-- Tables
------------------------------------------------------------------------------

CREATE TABLE sections (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    slug        TEXT NOT NULL UNIQUE,
    description TEXT,
    -- NULL for the six departments, else the department.
    parent      INTEGER REFERENCES sections (id)
);

CREATE TABLE authors (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE,
    bio        TEXT,
    country    TEXT NOT NULL,
    birthday   DATE,
    active     BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE articles (
    id              INTEGER PRIMARY KEY,
    title           TEXT NOT NULL,
    slug            TEXT NOT NULL UNIQUE,
    status          TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'archived')),
    summary         TEXT,
    -- The opening; word_count and reading_minutes are of the whole manuscript.
    body            TEXT,
    word_count      INTEGER,
    reading_minutes INTEGER,
    rating          DECIMAL(3,1) CHECK (rating BETWEEN 0 AND 5),
    featured        BOOLEAN NOT NULL DEFAULT FALSE,
    meta            JSON CHECK (json_valid(meta)),
    -- NULL while the article is a draft.
    published_at    TIMESTAMP,
    updated_at      TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    author          INTEGER NOT NULL REFERENCES authors (id),
    section         INTEGER REFERENCES sections (id)
);

CREATE TABLE tags (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    colour TEXT NOT NULL
);

CREATE TABLE articles_tags (
    article INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    tag     INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (article, tag)
);

CREATE TABLE comments (
    id          INTEGER PRIMARY KEY,
    article     INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    reply_to    INTEGER REFERENCES comments (id) ON DELETE SET NULL,
    author_name TEXT NOT NULL,
    body        TEXT NOT NULL,
    approved    BOOLEAN NOT NULL DEFAULT FALSE,
    created_at  TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE subscribers (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    email     TEXT NOT NULL UNIQUE,
    plan      TEXT NOT NULL DEFAULT 'reader' CHECK (plan IN ('reader', 'supporter', 'patron')),
    city      TEXT,
    active    BOOLEAN NOT NULL DEFAULT TRUE,
    joined_on DATE NOT NULL
);

CREATE TABLE orders (
    id         INTEGER PRIMARY KEY,
    subscriber INTEGER NOT NULL REFERENCES subscribers (id),
    item       TEXT NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity > 0),
    total      DECIMAL(8,2) NOT NULL,
    status     TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'paid', 'shipped', 'refunded')),
    placed_at  TIMESTAMP NOT NULL
);

------------------------------------------------------------------------------
-- Dice: for every number six draws between 1 and 2147483646, by the
-- multiplicative congruential generator of Park and Miller. Not random(), which
-- would build another house each time.
------------------------------------------------------------------------------

CREATE TEMP TABLE dice (n INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER);

INSERT INTO dice
WITH RECURSIVE roll (n, a, b, c, d, e, f) AS (
    SELECT 0, 1, 16807, 282475249, 1622650073, 984943658, 1144108930
    UNION ALL
    SELECT n + 1,
           f * 48271 % 2147483647,
           f * 69621 % 2147483647,
           f * 39373 % 2147483647,
           f * 16807 % 2147483647,
           f * 44485 % 2147483647,
           f * 48271 % 2147483647 * 69621 % 2147483647
      FROM roll WHERE n < 7000
)
SELECT n, a >> 8, b >> 8, c >> 8, d >> 8, e >> 8, f >> 8 FROM roll;

------------------------------------------------------------------------------
-- Word lists, numbered from 0
------------------------------------------------------------------------------

CREATE TEMP TABLE words (list TEXT, n INTEGER, word TEXT, PRIMARY KEY (list, n)) WITHOUT ROWID;

INSERT INTO words SELECT 'place', key, value FROM json_each('[
    "Lisbon", "Nairobi", "Osaka", "Trieste", "Valparaiso", "Tbilisi", "Halifax", "Dakar", "Hanoi", "Bergen",
    "Oaxaca", "Gdansk", "Muscat", "Galway", "Pondicherry", "Hobart", "Izmir", "Montevideo", "Tallinn", "Marseille",
    "Zanzibar", "Busan", "Savannah", "Rotterdam", "Cartagena", "Naples", "Kingston", "Alexandria", "Aarhus", "Penang"]');

-- Headlines. {t} is the topic, {p} a place.
INSERT INTO words SELECT 'headline', key, value FROM json_each('[
    "The Quiet Return of {t}", "A Short History of {t}", "In Praise of {t}", "{t}, Reconsidered", "Notes on {t}",
    "How {p} Fell in Love with {t}", "The Secret Life of {t}", "What {p} Can Teach Us About {t}", "Against {t}", "{t}: A Field Guide",
    "Letters from {p}: {t}", "The Last Word on {t}", "Who Pays for {t}?", "Growing Up with {t}", "The Trouble with {t}",
    "{t} After Dark", "A Year of {t} in {p}", "Seven Questions About {t}", "Between {p} and the World: {t}", "The Unlikely Future of {t}",
    "Living with {t}", "Everything We Got Wrong About {t}", "The People Behind {t}", "{p}, City of {t}", "Looking for {t} in {p}",
    "The Art of {t}", "{t} and the Price of Patience", "A Defence of {t}", "Where {t} Began", "{p} Without {t}",
    "Learning to See {t}", "The Long Shadow of {t}", "{t} in Hard Times", "Ten Days Among {t}", "The Makers of {t}",
    "Rethinking {t}", "{t}, by Those Who Know", "The Hidden Cost of {t}", "Small Wonders: {t}", "From {p}, with {t}"]');

INSERT INTO words SELECT 'summary', key, value FROM json_each('[
    "A reporter spends a season in {p} with the people who keep {t} alive.",
    "Why the argument about {t} is really an argument about time.",
    "Three generations in {p} explain what {t} meant to them, and what was lost.",
    "We asked readers for their memories of {t}. They sent us four hundred letters.",
    "The numbers say one thing about {t}; the streets of {p} say another.",
    "A patient look at {t}, from the archive to the workshop floor.",
    "What happens when a whole city decides that {t} should be for everyone?",
    "An essay on {t}, stubbornness, and the pleasure of doing things slowly.",
    "Our correspondent in {p} on the unlikely friendships behind {t}.",
    "Everyone has an opinion on {t}. We went to find the evidence.",
    "The story of {t} is usually told from the top. This one starts in a kitchen in {p}.",
    "A guide for the curious: where to begin with {t}, and when to stop."]');

INSERT INTO words SELECT 'opening', key, value FROM json_each('[
    "For years nobody in {p} gave much thought to {t}.",
    "The first thing you notice in {p} is the noise; the second, if you know where to look, is the matter of {t}.",
    "My grandmother had two rules, and one of them was about {t}.",
    "On a grey Tuesday morning in {p}, eleven people met in a borrowed room to talk about {t}.",
    "There is a shelf in the city archive of {p} that holds nothing but papers about {t}.",
    "Ask anyone over sixty in {p} about {t} and the conversation will last until supper.",
    "It began, as these things do, with a letter to the council of {p}.",
    "The official history leaves out {t} altogether, which is the first sign that something important happened.",
    "I came to {p} for a week and stayed for a year, and the reason was {t}.",
    "Before the harbour was rebuilt, {p} was known for exactly one thing: {t}."]');

INSERT INTO words SELECT 'middle', key, value FROM json_each('[
    "The work is slow, poorly paid and, by every account I heard, impossible to give up.",
    "A study published last spring followed two hundred households and found almost the opposite.",
    "“People think it is nostalgia,” the foreman told me, wiping his hands. “It is only good sense.”",
    "By noon the square was full, and nobody had yet mentioned money.",
    "The figures are easy to find and hard to believe.",
    "None of this was planned, and that may be why it lasted.",
    "In {q} they tried the same thing ten years earlier, with less luck and better weather.",
    "The young come for the company and stay for the craft.",
    "There were setbacks: a flood, a bankruptcy, an unfriendly mayor.",
    "What the photographs do not show is how quiet it was.",
    "Each of them keeps a notebook, and each was reluctant to let me read it.",
    "The debate about {t} has since moved to {q}, where it is no less heated.",
    "Economists have a name for this, but the people who do it every day have a better one.",
    "It is tempting to call it a revival; those involved prefer the word repair.",
    "A retired engineer showed me the drawings, rolled up in an umbrella stand.",
    "The rules are unwritten and strictly observed.",
    "For every success there are three attempts that nobody talks about.",
    "“We did not set out to save anything,” she said. “We just did not want to stop.”",
    "The subsidies ended in the autumn; the volunteers did not.",
    "Seen from {q}, the whole affair looks smaller, and rather more admirable."]');

INSERT INTO words SELECT 'closing', key, value FROM json_each('[
    "Whether {t} can survive another decade is anyone’s guess; that it deserves to is not.",
    "On the train home I realised that I had forgotten to ask the obvious question.",
    "The lights went out one by one, and still nobody left.",
    "Next year there will be a second building, and a longer waiting list.",
    "It is not much, she admits, but it is theirs.",
    "The answer, it turns out, was in the notebook all along.",
    "Perhaps that is what {t} was always for.",
    "In {p} the tide comes in twice a day, and so do they."]');

INSERT INTO words SELECT 'source', key, value FROM json_each('[
    "City archive of {p}", "Interviews held in {p}", "National statistics office", "Letters to the editors",
    "Proceedings of the {p} symposium", "Municipal budget of {p}", "Oral history project, {p}", "Our own survey of readers"]');

INSERT INTO words SELECT 'given', key, value FROM json_each('[
    "Ada", "Mateo", "Yuki", "Fatima", "Lars", "Priya", "Tomasz", "Chiamaka", "Elif", "Hugo", "Mei", "Noor", "Santiago", "Ingrid", "Kofi",
    "Leila", "Declan", "Anouk", "Rafael", "Sunita", "Oskar", "Wanjiru", "Camille", "Dmitri", "Aroha", "Bilal", "Greta", "Joon", "Paloma", "Emeka",
    "Saoirse", "Viktor", "Amina", "Theo", "Marisol", "Kenji", "Zofia", "Idris", "Clara", "Nam", "Rosa", "Gil", "Hana", "Milan", "Esther"]');

INSERT INTO words SELECT 'family', key, value FROM json_each('[
    "Lindqvist", "Okafor", "Tanaka", "Haddad", "Moreau", "Iyer", "Kowalski", "Mensah", "Demir", "Fischer", "Chen", "Rahman", "Vargas", "Nilsen", "Boateng",
    "Farahani", "Byrne", "de Vries", "Costa", "Shrestha", "Novak", "Kamau", "Laurent", "Volkov", "Parata", "Siddiqui", "Weber", "Park", "Delgado", "Eze",
    "Gallagher", "Petrov", "Diallo", "Andreou", "Rojas", "Mori", "Zielinska"]');

INSERT INTO words SELECT 'remark', key, value FROM json_each('[
    "I read this twice on the way to work.", "My father worked in {p} for thirty years and would have loved this.",
    "Lovely piece, though I am not convinced by the ending.", "Could you say more about the sources?",
    "This is exactly what I subscribe for.", "A small correction: the harbour was rebuilt in two stages.",
    "I grew up around {t}, and you got the smell of it right.", "Finally somebody writes about {t} without sneering.",
    "Sharing this with my students tomorrow.", "The photographs deserve their own article.",
    "I disagree with nearly every line and enjoyed all of it.", "We tried this in {p}. It rained for a month.",
    "More of this, please.", "The quotation in the third paragraph made my day.",
    "Is there a longer version of this somewhere?", "I would be curious how this compares with {p}.",
    "Thank you for taking the subject seriously.", "The statistics seem a little old; is there nothing newer?",
    "I never thought I would care about {t}, and here I am.", "My book club argued about this for two hours.",
    "This reminded me of a winter I spent in {p}.", "Beautifully told.",
    "You have left out the unions entirely, which is a pity.", "I sent this to my sister, and she called me at once."]');

INSERT INTO words SELECT 'afterthought', key, value FROM json_each('[
    "", "", "", "", "Keep it up.", "Greetings from {p}.", "I would happily read a whole book on it.", "But perhaps that is just me.",
    "The comparison with {p} is the best part.", "Either way, thank you.", "I shall look at {t} differently now.", "Please tell us how it ends."]');

INSERT INTO words SELECT 'reply', key, value FROM json_each('[
    "Agreed, and well put.", "I had the opposite impression, to be honest.", "There is a good chapter on this in the standard history.",
    "Thank you, I did not know that.", "Same here in {p}.", "That is a fair point about {t}.", "Do you have a link?",
    "I was there too; it was even colder than you say.", "Not everyone in {p} would put it like that.", "You have convinced me."]');

------------------------------------------------------------------------------
-- Sections: six departments, twenty desks. A desk has eight topics.
------------------------------------------------------------------------------

INSERT INTO sections (id, name, slug, description, parent) VALUES
    (1, 'Culture', 'culture', 'Books, screens, stages and the people in front of them.', NULL),
    (2, 'Science', 'science', 'What we know, how we know it, and what it costs to find out.', NULL),
    (3, 'Cities', 'cities', 'The places we build for one another.', NULL),
    (4, 'Food', 'food', 'From the field to the table, and the talk around it.', NULL),
    (5, 'Technology', 'technology', 'Tools old and new, looked at with patience.', NULL),
    (6, 'Travel', 'travel', 'Going slowly, and coming back changed.', NULL);

CREATE TEMP TABLE desks (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER, description TEXT, topics TEXT);

INSERT INTO desks VALUES
    (7, 'Books', 1, 'Reading, writing and everything in between.', '["Lending Libraries", "Unfinished Novels", "Second-Hand Bookshops", "Literary Translation", "Marginalia", "Children''s Stories", "Lost Manuscripts", "Small Presses"]'),
    (8, 'Film', 1, 'Cinema, from the projection booth outwards.', '["Open-Air Cinemas", "Silent Comedies", "Film Restoration", "Documentary Ethics", "Subtitles", "Matinees", "Amateur Film Clubs", "Stunt Work"]'),
    (9, 'Music', 1, 'Listening closely.', '["Brass Bands", "Lullabies", "Record Fairs", "Church Organs", "Protest Songs", "Village Choirs", "Street Drummers", "Rehearsal Rooms"]'),
    (10, 'Theatre', 1, 'Stages large and small.', '["Puppet Theatres", "Understudies", "Prompt Books", "Touring Companies", "Stage Lighting", "School Plays", "Radio Drama", "Improvisation"]'),
    (11, 'Oceans', 2, 'Salt water and those who study it.', '["Kelp Forests", "Tide Tables", "Deep-Sea Cables", "Lighthouses", "Whale Songs", "Coral Nurseries", "Sea Ice", "Harbour Pilots"]'),
    (12, 'Space', 2, 'Looking up.', '["Amateur Astronomers", "Meteorites", "Dark Skies", "Old Satellites", "Lunar Maps", "Solar Eclipses", "Radio Telescopes", "Planetariums"]'),
    (13, 'Medicine', 2, 'Bodies, cures and second opinions.', '["Midwives", "Night Nurses", "Herbal Gardens", "Vaccination Campaigns", "Village Clinics", "Sleep Research", "Medical Drawings", "Blood Donors"]'),
    (14, 'Climate', 2, 'A warming world, measured and lived in.', '["Weather Diaries", "Peat Bogs", "Flood Walls", "Urban Heat", "Glacier Surveys", "Rain Gauges", "Tree Nurseries", "Wind Farms"]'),
    (15, 'Architecture', 3, 'Buildings and what happens inside them.', '["Public Baths", "Brick Kilns", "Stairwells", "Social Housing", "Railway Stations", "Courtyards", "Concrete", "Garden Sheds"]'),
    (16, 'Transport', 3, 'Getting from here to there.', '["Trolleybuses", "Cargo Bicycles", "Ferry Crossings", "Bus Timetables", "Cable Cars", "Footbridges", "Canal Boats", "School Runs"]'),
    (17, 'Public Life', 3, 'Squares, councils and neighbours.', '["Town Halls", "Allotments", "Park Benches", "Neighbourhood Assemblies", "Swimming Lessons", "Corner Shops", "Street Names", "Night Shifts"]'),
    (18, 'Kitchens', 4, 'Recipes with a story.', '["Sourdough", "Soup Kitchens", "Pickles", "Handed-Down Recipes", "Cast-Iron Pans", "Sunday Lunches", "Dumplings", "School Canteens"]'),
    (19, 'Farming', 4, 'Soil, seed and seasons.', '["Seed Banks", "Terraced Fields", "Beekeeping", "Dry Stone Walls", "Orchards", "Mountain Pastures", "Irrigation Ditches", "Heirloom Tomatoes"]'),
    (20, 'Markets', 4, 'Buying, selling, haggling.', '["Night Markets", "Fish Auctions", "Spice Merchants", "Flower Stalls", "Coffee Roasters", "Street Vendors", "Cheese Cellars", "Flea Markets"]'),
    (21, 'Software', 5, 'Programs and the people who keep them running.', '["Legacy Code", "Open Source Maintainers", "Command Lines", "Spreadsheets", "Error Messages", "Version Control", "Typefaces", "Map Projections"]'),
    (22, 'Workshops', 5, 'Hands, tools and machines.', '["Clockmakers", "Bicycle Frames", "Letterpress Printing", "Loom Weavers", "Tool Libraries", "Repair Cafes", "Glassblowers", "Pencil Factories"]'),
    (23, 'Data', 5, 'Counting things, and why it is hard.', '["Census Takers", "Public Records", "Paper Archives", "Weather Models", "Traffic Counters", "Privacy", "Punch Cards", "Opinion Polls"]'),
    (24, 'Railways', 6, 'The slow way there.', '["Night Trains", "Dining Cars", "Branch Lines", "Signal Boxes", "Station Clocks", "Narrow-Gauge Railways", "Border Crossings", "Platform Tickets"]'),
    (25, 'Islands', 6, 'Life with water all around.', '["Island Schools", "Mail Boats", "Sea Walls", "Bird Wardens", "Salt Pans", "Inter-Island Rivalries", "Winter Ferries", "Fishing Villages"]'),
    (26, 'Walking', 6, 'On foot, at three miles an hour.', '["Pilgrim Paths", "City Walks", "Mountain Huts", "Trail Markers", "Long-Distance Footpaths", "Walking Sticks", "Drovers'' Roads", "Borrowed Maps"]');

INSERT INTO sections (id, name, slug, description, parent)
SELECT id, name, replace(lower(name), ' ', '-'), description, parent FROM desks;

CREATE TEMP TABLE topics (n INTEGER PRIMARY KEY, section INTEGER, department INTEGER, topic TEXT);

INSERT INTO topics
SELECT (desks.id - 7) * 8 + topic.key, desks.id, desks.parent, topic.value
  FROM desks, json_each(desks.topics) AS topic;

------------------------------------------------------------------------------
-- Authors
------------------------------------------------------------------------------

CREATE TEMP TABLE people (id INTEGER PRIMARY KEY, name TEXT, mailbox TEXT, country TEXT);

INSERT INTO people
SELECT key + 1, value ->> 0, value ->> 1, value ->> 2 FROM json_each('[
    ["Margarethe Lindholm", "margarethe.lindholm", "Sweden"], ["Tunde Adeyemi", "tunde.adeyemi", "Nigeria"], ["Sofía Restrepo", "sofia.restrepo", "Colombia"],
    ["Haruki Nakamura", "haruki.nakamura", "Japan"], ["Niamh O’Sullivan", "niamh.osullivan", "Ireland"], ["Rajesh Venkataraman", "rajesh.venkataraman", "India"],
    ["Zeynep Aydın", "zeynep.aydin", "Türkiye"], ["Étienne Dubois", "etienne.dubois", "France"], ["Lindiwe Dlamini", "lindiwe.dlamini", "South Africa"],
    ["Marek Wiśniewski", "marek.wisniewski", "Poland"], ["Chloe Papadakis", "chloe.papadakis", "Greece"], ["Min-seo Kang", "minseo.kang", "South Korea"],
    ["Joaquín Herrera", "joaquin.herrera", "Chile"], ["Aisha Bakari", "aisha.bakari", "Tanzania"], ["Freya Sørensen", "freya.sorensen", "Denmark"],
    ["Omar El-Masri", "omar.elmasri", "Egypt"], ["Beatriz Carvalho", "beatriz.carvalho", "Portugal"], ["Nguyễn Thu Hà", "thuha.nguyen", "Vietnam"],
    ["Callum Fraser", "callum.fraser", "United Kingdom"], ["Giulia Ferrante", "giulia.ferrante", "Italy"], ["Kwame Asante", "kwame.asante", "Ghana"],
    ["Anneliese Brandt", "anneliese.brandt", "Germany"], ["Mahmoud Karimi", "mahmoud.karimi", "Iran"], ["Talia Ben-David", "talia.bendavid", "Israel"],
    ["Rosalind Achebe", "rosalind.achebe", "United States"], ["Pekka Virtanen", "pekka.virtanen", "Finland"], ["Luz Quispe", "luz.quispe", "Peru"],
    ["Siobhan Kelleher", "siobhan.kelleher", "Ireland"], ["Arjun Mehrotra", "arjun.mehrotra", "India"], ["Wei Zhang", "wei.zhang", "China"],
    ["Mereana Tūhoe", "mereana.tuhoe", "New Zealand"], ["Bogdan Ionescu", "bogdan.ionescu", "Romania"], ["Fatou Ndiaye", "fatou.ndiaye", "Senegal"],
    ["Eleanor Whitcombe", "eleanor.whitcombe", "United Kingdom"], ["Nikolai Sokolov", "nikolai.sokolov", "Estonia"], ["Ximena Ortega", "ximena.ortega", "Mexico"],
    ["Pieter van den Berg", "pieter.vandenberg", "Netherlands"], ["Amal Haddad", "amal.haddad", "Lebanon"], ["Dorothy Blackwood", "dorothy.blackwood", "Canada"],
    ["Tshering Dorji", "tshering.dorji", "Bhutan"], ["Marisol Fuentes", "marisol.fuentes", "Spain"], ["Jakub Novotný", "jakub.novotny", "Czechia"],
    ["Ngozi Umeh", "ngozi.umeh", "Nigeria"], ["Hannah Goldfarb", "hannah.goldfarb", "United States"], ["Ravindra Perera", "ravindra.perera", "Sri Lanka"],
    ["Solveig Haugen", "solveig.haugen", "Norway"], ["Thiago Moreira", "thiago.moreira", "Brazil"], ["Katarina Horvat", "katarina.horvat", "Croatia"],
    ["Samuel Kiprono", "samuel.kiprono", "Kenya"], ["Yara Mansour", "yara.mansour", "Jordan"], ["Gabriel Lachance", "gabriel.lachance", "Canada"],
    ["Ayu Lestari", "ayu.lestari", "Indonesia"], ["Viktória Szabó", "viktoria.szabo", "Hungary"], ["Desmond Clarke", "desmond.clarke", "Jamaica"],
    ["Farida Yusupova", "farida.yusupova", "Uzbekistan"], ["Liam Castellanos", "liam.castellanos", "Australia"], ["Inés Aguirre", "ines.aguirre", "Argentina"],
    ["Tenzin Wangmo", "tenzin.wangmo", "Nepal"], ["Ólafur Jónsson", "olafur.jonsson", "Iceland"], ["Maria Vella", "maria.vella", "Malta"]]');

INSERT INTO authors (id, name, email, bio, country, birthday, active, created_at)
SELECT people.id, people.name, people.mailbox || '@tidepress.example',
       replace(replace(json_extract('[
           "Writes about {t} and other things that refuse to disappear. Lives near {p}.",
           "Spent twelve years as a radio producer before turning to print. Currently at work on a book about {t}.",
           "Reports from {p} and wherever the ferry goes next.",
           "Former schoolteacher, occasional translator, author of two novels. Collects stories about {t}.",
           "Has written on {t} for newspapers on three continents.",
           "Trained as an engineer in {p}; prefers sentences.",
           "Essayist and editor. Believes that {t} will outlive us all.",
           "A historian by training, a gardener by inclination. Divides the year between {p} and a very small desk."]',
           '$[' || ((people.id - 1) % 8) || ']'), '{t}', lower(topics.topic)), '{p}', place.word),
       people.country,
       -- One in fifteen keeps the birthday private.
       CASE WHEN dice.c % 15 > 0 THEN date('1951-01-01', (dice.a % 17500) || ' days') END,
       dice.d % 10 > 0,
       strftime('%Y-%m-%dT%H:%M:%fZ', 1667289600 + people.id * 86400 + dice.b % 36000 + dice.e % 1000 / 1000.0, 'unixepoch')
  FROM people
  CROSS JOIN dice ON dice.n = people.id
  CROSS JOIN topics ON topics.n = dice.e % 160
  CROSS JOIN words AS place ON place.list = 'place' AND place.n = dice.f % 30;

------------------------------------------------------------------------------
-- Articles: about one a day since January 2023, in the order in which they were
-- begun. The newest are mostly drafts; only old ones are archived.
------------------------------------------------------------------------------

CREATE TEMP TABLE outlines AS
SELECT dice.n AS id,
       CASE WHEN dice.a % 100 < CASE WHEN dice.n > 1120 THEN 55 ELSE 8 END THEN 'draft'
            WHEN dice.n < 700 AND dice.b % 100 < 17 THEN 'archived'
            ELSE 'published' END AS status,
       topics.section, topics.department, topics.topic, lower(topics.topic) AS subject,
       place.word AS place, other.word AS elsewhere,
       replace(replace(headline.word, '{t}', topics.topic), '{p}', place.word) AS title,
       -- Seconds since 1970: a working day from 6 to 20 o'clock.
       1673222400 + dice.n * 1387 / 1200 * 86400 + 21600 + dice.c % 50400 AS begun,
       -- Two throws, the lower one counts: some authors write far more than others.
       1 + min(dice.d % 60, dice.e % 60) AS author,
       450 + dice.a % 900 + dice.e % 1500 AS word_count,
       dice.a, dice.b, dice.c, dice.d, dice.e, dice.f
  FROM dice
  CROSS JOIN topics ON topics.n = dice.n * 57 % 160
  CROSS JOIN words AS place ON place.list = 'place' AND place.n = dice.f % 30
  CROSS JOIN words AS other ON other.list = 'place' AND other.n = (dice.f + 1 + dice.b % 29) % 30
  -- The eight articles on one topic get eight different headlines, so no title comes twice.
  CROSS JOIN words AS headline ON headline.list = 'headline' AND headline.n = (topics.n * 11 + dice.n / 160 * 5) % 40
 WHERE dice.n BETWEEN 1 AND 1200;

INSERT INTO articles (id, title, slug, status, summary, body, word_count, reading_minutes, rating, featured, meta,
                      published_at, updated_at, author, section)
SELECT outline.id, outline.title,
       replace(replace(replace(replace(replace(lower(outline.title), ',', ''), ':', ''), '?', ''), '''', ''), ' ', '-'),
       outline.status,
       replace(replace(summary.word, '{t}', outline.subject), '{p}', outline.place),
       replace(replace(replace(
           opening.word || ' ' || m1.word || ' ' || m2.word || ' ' || m3.word || ' ' || closing.word,
           '{t}', outline.subject), '{p}', outline.place), '{q}', outline.elsewhere),
       outline.word_count, (outline.word_count + 219) / 220,
       CASE WHEN outline.status <> 'draft' THEN (28 + outline.b % 12 + outline.d % 12) / 10.0 END,
       outline.status = 'published' AND outline.c % 25 = 0,
       json_object(
           'reading_level', json_extract('["easy", "general", "general", "advanced"]', '$[' || (outline.e % 4) || ']'),
           'sources', json_array(
               json_object('title', replace(s1.word, '{p}', outline.place), 'year', 2005 + outline.a % 18),
               json_object('title', replace(s2.word, '{p}', outline.elsewhere), 'year', 2010 + outline.b % 13))),
       CASE WHEN outline.status <> 'draft' THEN strftime('%Y-%m-%dT%H:%M:%fZ', outline.begun + outline.b % 1000 / 1000.0, 'unixepoch') END,
       -- Up to a month later, but never after the evening on which this demo was made.
       strftime('%Y-%m-%dT%H:%M:%fZ', min(outline.begun + 3600 + outline.d % 2592000, 1793475000 + outline.id) + outline.e % 1000 / 1000.0, 'unixepoch'),
       outline.author, outline.section
  FROM outlines AS outline
  CROSS JOIN words AS summary ON summary.list = 'summary' AND summary.n = outline.a % 12
  CROSS JOIN words AS opening ON opening.list = 'opening' AND opening.n = outline.b % 10
  CROSS JOIN words AS m1 ON m1.list = 'middle' AND m1.n = outline.c % 20
  CROSS JOIN words AS m2 ON m2.list = 'middle' AND m2.n = (outline.c + 7) % 20
  CROSS JOIN words AS m3 ON m3.list = 'middle' AND m3.n = (outline.c + 13) % 20
  CROSS JOIN words AS closing ON closing.list = 'closing' AND closing.n = outline.d % 8
  CROSS JOIN words AS s1 ON s1.list = 'source' AND s1.n = outline.e % 8
  CROSS JOIN words AS s2 ON s2.list = 'source' AND s2.n = (outline.e + 3) % 8;

------------------------------------------------------------------------------
-- Tags: 1 to 18 are about the form, then seven for each department.
------------------------------------------------------------------------------

INSERT INTO tags (id, name, colour)
SELECT key + 1, value,
       json_extract('["#0f766e", "#1d4ed8", "#7c3aed", "#be185d", "#b91c1c", "#c2410c", "#a16207", "#4d7c0f", "#15803d", "#0e7490", "#4338ca", "#475569"]',
                    '$[' || (key % 12) || ']')
  FROM json_each('[
    "longread", "interview", "essay", "reportage", "profile", "archive", "opinion", "review", "photo story", "letters",
    "editors'' pick", "history", "work", "family", "memory", "money", "craft", "language",
    "reading", "cinema", "listening", "performance", "translation", "festivals", "museums",
    "research", "sea", "astronomy", "health", "weather", "ecology", "fieldwork",
    "housing", "streets", "design", "neighbours", "mobility", "local politics", "public space",
    "recipes", "soil", "trade", "breakfast", "harvest", "hospitality", "fermentation",
    "programming", "machines", "statistics", "repair", "privacy", "tools", "open data",
    "trains", "coast", "on foot", "maps", "borders", "winter", "slow travel"]');

-- One or two tags about the form, one to three of the department. OR IGNORE: the two throws may agree.
INSERT OR IGNORE INTO articles_tags (article, tag)
SELECT id, 1 + min(a % 18, b % 18) FROM outlines
UNION ALL
SELECT id, 1 + c % 18 FROM outlines WHERE d % 3 > 0
UNION ALL
SELECT id, 19 + (department - 1) * 7 + e % 7 FROM outlines
UNION ALL
SELECT id, 19 + (department - 1) * 7 + (e + 2) % 7 FROM outlines WHERE f % 4 > 0
UNION ALL
SELECT id, 19 + (department - 1) * 7 + (e + 5) % 7 FROM outlines WHERE f % 5 = 0;

------------------------------------------------------------------------------
-- Comments: a few articles are talked about a lot, most a little. The talk dies
-- down: each comment comes later after the one before.
------------------------------------------------------------------------------

CREATE TEMP TABLE talk AS
WITH threads AS (
    SELECT id AS article, begun, subject,
           CASE WHEN a % 12 = 0 THEN 9 + c % 14 ELSE 1 + min(c % 10, d % 11) END AS size
      FROM outlines
     WHERE status <> 'draft'
),
seats AS (
    SELECT article, begun, subject, step.n AS place_in_thread,
           row_number() OVER (ORDER BY article, step.n) AS seat
      FROM threads
      CROSS JOIN dice AS step ON step.n BETWEEN 1 AND threads.size
),
spoken AS (
    SELECT article, subject, place_in_thread, seat,
           begun + 900 * place_in_thread + place_in_thread * place_in_thread * 5400 + dice.a % 5400 AS second
      FROM seats
      CROSS JOIN dice ON dice.n = seat
)
SELECT row_number() OVER (ORDER BY second, seat) AS id,
       article, subject, place_in_thread, seat, second
  FROM spoken
 WHERE second < 1794000000;

CREATE INDEX temp.talk_by_thread ON talk (article, place_in_thread);

INSERT INTO comments (id, article, reply_to, author_name, body, approved, created_at)
SELECT talk.id, talk.article, earlier.id,
       given.word || ' ' || CASE WHEN dice.c % 3 = 0 THEN substr(family.word, 1, 1) || '.' ELSE family.word END,
       replace(replace(
           CASE WHEN earlier.id IS NULL THEN trim(remark.word || ' ' || afterthought.word) ELSE reply.word END,
           '{t}', talk.subject), '{p}', place.word),
       -- What came last is still waiting for a moderator now and then.
       dice.d % 100 >= CASE WHEN talk.second > 1792000000 THEN 30 ELSE 4 END,
       strftime('%Y-%m-%dT%H:%M:%fZ', talk.second + dice.e % 1000 / 1000.0, 'unixepoch')
  FROM talk
  CROSS JOIN dice ON dice.n = talk.seat
  CROSS JOIN words AS given ON given.list = 'given' AND given.n = dice.a % 45
  CROSS JOIN words AS family ON family.list = 'family' AND family.n = dice.b % 37
  CROSS JOIN words AS remark ON remark.list = 'remark' AND remark.n = dice.f % 24
  CROSS JOIN words AS afterthought ON afterthought.list = 'afterthought' AND afterthought.n = dice.e % 12
  CROSS JOIN words AS reply ON reply.list = 'reply' AND reply.n = dice.f % 10
  CROSS JOIN words AS place ON place.list = 'place' AND place.n = dice.d % 30
  -- Every third comment or so answers one of the two before it in the thread.
  LEFT JOIN talk AS earlier
    ON dice.c % 10 < 3
   AND earlier.article = talk.article
   AND earlier.place_in_thread = talk.place_in_thread - 1 - dice.d % 2
 ORDER BY talk.id;

------------------------------------------------------------------------------
-- Subscribers and what they ordered
------------------------------------------------------------------------------

INSERT INTO subscribers (id, name, email, plan, city, active, joined_on)
SELECT dice.n - 2000, given.word || ' ' || family.word,
       lower(given.word || '.' || replace(family.word, ' ', '')) || (dice.n - 2000) || '@mail.example',
       json_extract('["reader", "reader", "reader", "supporter", "supporter", "patron"]', '$[' || (dice.c % 6) || ']'),
       place.word, dice.d % 8 > 0,
       date('2023-01-15', ((dice.n - 2001) * 6 + dice.e % 6) || ' days')
  FROM dice
  CROSS JOIN words AS given ON given.list = 'given' AND given.n = dice.a % 45
  CROSS JOIN words AS family ON family.list = 'family' AND family.n = dice.b % 37
  CROSS JOIN words AS place ON place.list = 'place' AND place.n = dice.f % 30
 WHERE dice.n BETWEEN 2001 AND 2220;

-- What the shop sells, with prices in cents.
CREATE TEMP TABLE goods (n INTEGER PRIMARY KEY, item TEXT, cents INTEGER);

INSERT INTO goods VALUES
    (0, 'Annual print edition', 6400), (1, 'Single print issue', 1450), (2, 'Anthology: The Slow Years', 2890),
    (3, 'Tote bag', 1600), (4, 'Letterpress poster', 3950), (5, 'Notebook, dotted', 1190), (6, 'Gift subscription', 4800);

INSERT INTO orders (id, subscriber, item, quantity, total, status, placed_at)
SELECT row_number() OVER (ORDER BY placed.second, placed.n), placed.subscriber, placed.item, placed.quantity,
       placed.cents * placed.quantity / 100.0,
       CASE WHEN placed.second > 1792500000 THEN json_extract('["open", "paid"]', '$[' || (placed.f % 2) || ']')
            WHEN placed.f % 30 = 0 THEN 'refunded'
            ELSE 'shipped' END,
       strftime('%Y-%m-%dT%H:%M:%fZ', placed.second + placed.f % 1000 / 1000.0, 'unixepoch')
  FROM (SELECT dice.n, dice.f, subscribers.id AS subscriber, goods.item, goods.cents,
               CASE WHEN dice.c % 5 = 0 THEN 2 + dice.d % 2 ELSE 1 END AS quantity,
               -- Some time between joining and the end.
               joined + dice.e % (1793400000 - joined) AS second
          FROM dice
          JOIN (SELECT *, CAST(strftime('%s', joined_on) AS INTEGER) AS joined FROM subscribers) AS subscribers
            ON subscribers.id = 1 + dice.a % 220
          CROSS JOIN goods ON goods.n = dice.b % 7
         WHERE dice.n BETWEEN 3001 AND 3480) AS placed;

------------------------------------------------------------------------------
-- Indexes and one view
------------------------------------------------------------------------------

CREATE INDEX sections_parent ON sections (parent);
CREATE INDEX articles_author ON articles (author);
CREATE INDEX articles_section ON articles (section);
CREATE INDEX articles_status_published_at ON articles (status, published_at);
CREATE INDEX articles_tags_tag ON articles_tags (tag);
CREATE INDEX comments_article ON comments (article, created_at);
CREATE INDEX comments_reply_to ON comments (reply_to);
CREATE INDEX orders_subscriber ON orders (subscriber);

-- The casts tell the type, which SQLite does not derive for an expression.
CREATE VIEW author_statistics AS
SELECT authors.id,
       authors.name,
       CAST(count(articles.id) AS INTEGER) AS articles,
       CAST(coalesce(sum(articles.status = 'published'), 0) AS INTEGER) AS published,
       CAST(coalesce(sum(talk.comments), 0) AS INTEGER) AS comments,
       CAST(round(avg(articles.rating), 2) AS REAL) AS average_rating,
       CAST(max(articles.published_at) AS TEXT) AS last_published_at
  FROM authors
  LEFT JOIN articles ON articles.author = authors.id
  LEFT JOIN (SELECT article, count(*) AS comments FROM comments GROUP BY article) AS talk ON talk.article = articles.id
 GROUP BY authors.id, authors.name;

DROP TABLE temp.talk;
DROP TABLE temp.goods;
DROP TABLE temp.outlines;
DROP TABLE temp.people;
DROP TABLE temp.topics;
DROP TABLE temp.desks;
DROP TABLE temp.words;
DROP TABLE temp.dice;

COMMIT;
