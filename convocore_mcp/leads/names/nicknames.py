"""Nicknames: which full names a short form stands for, and the short forms of a full name.

A table of our own. Collections of nicknames that are made from family trees relate names that
are different people today (Bill and Fred, Aaron and Erin, Jane and Jean), and a nickname alone may
decide who is meant here.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from convocore_mcp.words.folding import fold

_SHORT_FORMS = """
abigail: abby abbie gail | agnieszka: aga | albert: al bert | alejandra: alex ale | alejandro:
alex ale jandro | aleksander: alex olek sasha | aleksandr: alex sasha sanya | aleksandra: ola
alex sasha | aleksei: alyosha lyosha alex | alessandro: alex ale sandro | alexander: alex al alec
xander sandy sasha lex | alexandra: alex sandra sandy alexa lexi sasha | alfred: alf al fred
freddie | alfredo: fredo | alison: ali | amanda: mandy | anastasia: nastya | andrea: andy |
andreas: andi andy | andrew: andy drew | andrey: andriy | angela: angie | anna: ania anya annie |
anthony: tony ant | antoinette: toni | antonia: toni | antonina: tonya | antonio: tony toni tonio
toño | archibald: archie | arthur: art artie | augustus: gus | barbara: barb babs barbie basia |
bartholomew: bart | beatrice: bea trixie | benedict: ben | benjamin: ben benny benji benjy |
bernard: bernie | bradley: brad | brandon: bran | cameron: cam | carlos: charly carlitos |
caroline: carrie carol caro | cassandra: cassie | catalina: cata | catherine: cathy kate katie
cat kitty kit | charles: charlie chuck chas chaz | charlotte: charlie lottie lotte | christian:
chris | christina: chris chrissy tina christy | christine: chris chrissy tina christy |
christoph: chris | christopher: chris kit topher | clifford: cliff | concepcion: concha conchita
| constance: connie | cornelius: neil | cynthia: cindy | daniel: dan danny | danielle: dani |
david: dave davey | deborah: deb debbie | dennis: denny | derek: del | dmitri: dima mitya |
dmitry: dima mitya | dolores: lola | dominic: dom nick | donald: don donnie | dorothy: dot dottie
dolly | douglas: doug | edmund: ed eddie ned ted | eduardo: edu lalo | edward: ed eddie ned ted
teddy | edwin: ed eddie | ekaterina: katya | eleanor: ellie nell nora | elena: lena | elisabeth:
lisa elli sissi | elizabeth: liz lizzie beth betty betsy bess eliza libby lisa liza lizzy |
emanuel: manny | emily: em emmy millie | emma: em | enrique: quique kike | eric: rick | esther:
essie | eugene: gene | evgenia: zhenya | evgeny: zhenya | ezekiel: zeke | florence: flo |
frances: fran fanny frankie | francis: frank frankie fran | francisco: paco pancho paquito kiko
fran chico | franklin: frank | franz: franzl | frederick: fred freddie freddy fritz rick |
friedrich: fritz | gabriel: gabe gabi | gabriela: gabi gaby | gabriele: gabi | gabrielle: gabby
gaby | geoffrey: geoff jeff | georg: schorsch | george: georgie | georgina: gina | gerald: gerry
jerry | gerard: gerry | gertrude: trudy gert | gilbert: gil | giovanni: gianni vanni nino |
giuseppe: beppe peppe pino | gregory: greg gregg | guadalupe: lupe lupita | guillaume: guigui |
guillermo: memo guille | gustavo: gus | hannah: hanna | hans: hansi | harold: harry hal |
harrison: harry | helen: nell nellie | henrietta: etta hettie | henry: harry hank hal | herbert:
herb bert | howard: howie | hubert: bert | ignacio: nacho | irene: rena | isaac: ike zac |
isabel: bella izzy belle isa | isabella: bella izzy belle isa | isabelle: bella izzy belle |
ivan: vanya | jackson: jack | jacob: jake jakey coby | jacqueline: jackie | jakub: kuba | james:
jim jimmy jamie jimmie | jan: janek | janet: jan | janice: jan | jason: jay | jeffrey: jeff |
jennifer: jen jenny jenn | jeremiah: jerry | jeremy: jerry jez | jessica: jess jessie | jesus:
chuy chucho | joachim: jo achim | joanna: jo asia joasia | joanne: jo | joao: joca | johannes:
hannes hans jo | john: jack johnny jon | jonathan: jon jonny | jorge: coco | jose: pepe chepe zé
| josef: sepp jupp | joseph: joe joey jo | josephine: jo josie | joshua: josh | juan: juanito |
judith: judy | juergen: jogi | julia: jules yulia | julian: jules | katarzyna: kasia kaska |
katharina: kathi käthe | katherine: kate katie kathy kat kit kitty kay | kathleen: kathy kate
katie | kathryn: kate katie kathy kat | kenneth: ken kenny | kimberly: kim kimmy | konstantin:
kostya | krzysztof: krzysiek | laurence: larry | lawrence: larry | leonard: len lenny leo |
leonardo: leo | leopold: leo poldi | leslie: les | lewis: lew | lillian: lil lily | louis: lou
louie | louise: lou | lucille: lucy | luis: lucho | lyudmila: lyuda | maciej: maciek | maddison:
maddie | madeleine: maddie maddy | madeline: maddie maddy | madison: maddie | magdalena: magda
lena maggie | malgorzata: gosia | manuel: manolo manu manny | margaret: maggie meg peggy peg
marge margie madge greta rita daisy | margarita: rita | maria: masha mia | mariya: masha |
marjorie: marge margie | martha: marty | martin: marty | mary: molly polly mamie | mateusz: mati
| matilda: tilly mattie | matthew: matt matty | maximilian: max | maxwell: max | megan: meg |
melanie: mel | melissa: mel missy | mercedes: merche | michael: mike mick mickey micky mikey
michi | michelle: shelly | miguel: mike migue | mikhail: misha | mildred: millie | miriam: miri |
mohamed: mo mohd | mohammed: mo mohd | muhammad: mo mohd | nadezhda: nadya | nancy: nan |
natalia: nat natasha talia | natalie: nat | nathan: nate nat | nathaniel: nate nat nathan |
nicholas: nick nicky nico | nicola: nicky | nicolas: nico nick | nicole: nicky nikki nic |
nikolai: kolya | nikolaus: klaus niko | nikolay: kolya | norman: norm | olga: olya | oliver:
ollie olly | olivia: liv livvy | oscar: ossie | pamela: pam | pascal: pasci | patricia: pat patty
tricia trish patsy | patrick: pat paddy rick | pavel: pasha | penelope: penny | percival: percy |
peter: pete | petra: peti | philip: phil pip | philippe: phil | phillip: phil pip | priscilla:
cilla | rachel: rae | ralph: ralf | ramon: moncho | randall: randy | raymond: ray | rebecca:
becky becca bex | reginald: reg reggie | ricardo: rick ricky richi | richard: rick ricky dick
rich richie | robert: bob bobby rob robbie bert | roberta: bobbie | roberto: beto rob | roderick:
rod | rodney: rod | roger: rog | roland: rollo rolli | ronald: ron ronnie | rosario: charo |
rosemary: rosie rose | roxanne: roxy | rudolf: rudi | russell: russ | salvador: chava sal |
salvatore: sal toto | samantha: sam sammy | samuel: sam sammy | sandra: sandy | santiago: santi |
sarah: sally sadie | sebastian: seb bastian basti | sergei: seryozha | sergey: seryozha | sergio:
checo | sidney: sid | silvester: sly | simon: si | sofia: sofie | solomon: sol | sophia: sophie |
stanislaw: staszek stas | stanley: stan | stefan: steff steve | stefanie: steffi | stephanie:
steph stef | stephen: steve stevie steph | steven: steve stevie | stuart: stu | susan: sue susie
suzie | susanne: susi sanne | suzanne: sue suzie | svetlana: sveta | sylvester: sly | tatiana:
tanya | terence: terry | teresa: terry tess tere | theodore: ted teddy theo | theresa: terry tess
| therese: resi | thomas: tom tommy thom | tiffany: tiff | timothy: tim timmy | tobias: tobi toby
| tomasz: tomek | ulrich: uli ulli | ursula: uschi ulla | valentina: valya val | valerie: val |
vanessa: nessa | veronica: ronnie vero | victor: vic | victoria: vicky tori vic | vincent: vince
vinnie vinny | vincenzo: enzo | virginia: ginny ginger | viviana: vivi | vladimir: vova volodya
vlad | walter: walt wally | wilhelm: willi willy | wilhelmina: mina minnie | william: bill billy
will willy willie liam | winifred: winnie freddie | winston: win | wolfgang: wolfi wolf |
yekaterina: katya | yevgeny: zhenya | yuri: yura | zachary: zach zack zac
"""
"""Full names, each with its short forms, as people write them."""


@cache
def _related() -> dict[str, tuple[str, ...]]:
    related: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for entry in fold(_SHORT_FORMS).replace("\n", " ").split("|"):
        full, _, short_forms = entry.strip().partition(":")
        for short in short_forms.split():
            related[short][full] = None
            related[full][short] = None
    return {name: tuple(others) for name, others in related.items()}


def nicknames(word: str) -> tuple[str, ...]:
    """The names that a person called `word` (folded) may also be called.

    These are the full names of a short form and the short forms of a full name. Two short forms of
    one full name (Bob, Rob) are related only if that full name is the only one that they stand for.
    """
    related = _related()
    direct = related.get(word, ())
    siblings = related.get(direct[0], ()) if len(direct) == 1 else ()
    of_one_name = (name for name in siblings if related[name] == direct and name != word)
    return (*direct, *of_one_name)


def with_nicknames(spellings: Sequence[str]) -> list[str]:
    """The spellings of a word, and the nicknames of each."""
    related = (name for spelling in spellings for name in nicknames(spelling))
    return list(dict.fromkeys((*spellings, *related)))
