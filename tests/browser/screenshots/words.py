"""The two families of the pictures: what they are called and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Lang = Literal["en", "zh"]
Said = str | float
"""A text, or a voice of so many seconds."""
Line = tuple[str, str, Said]
"""When (days before this evening, and the time: `2 18:05`), who, and what."""


@dataclass(frozen=True, slots=True)
class Words:
    """Of one language. People and toys have their parts as keys: mum, dad, granny, cousin (of the long
    name), stranger, neighbour, newcomer, operator; bear, penguin (asleep), rabbit (of the long name), fox (switched
    off), teddy (in the page of the toy)."""

    locale: Literal["en-US", "zh-CN"]
    time_zone: str
    people: dict[str, str]
    toys: dict[str, str]
    child: str
    group: str
    nickname: str
    with_bear: tuple[Line, ...]
    """By mum and the bear; the other three are by whoever they are called after."""
    with_granny: tuple[Line, ...]
    with_family: tuple[Line, ...]
    with_cousin: tuple[Line, ...]
    small_talk: tuple[tuple[str, str], ...]
    """Of mum and dad, by turns, again and again."""
    held: str
    unsent: str
    sign: str
    """A text for the toy."""
    songs: tuple[tuple[str, str, str], ...]
    """Title, category, and what is drawn on the cover; nothing for no cover."""
    own_songs: tuple[tuple[str, str, str], ...]
    broken_song: str
    long_song: str


EN = Words(
    locale="en-US",
    time_zone="Europe/London",
    people={
        "mum": "Anna",
        "dad": "Ben",
        "granny": "Granny Rose",
        "cousin": "Maximiliana Featherstonehaugh-Cholmondeley of Upper Slaughter",
        "stranger": "Sophie Martin",
        "neighbour": "Tom",
        "newcomer": "Nora",
        "operator": "Olga",
    },
    toys={
        "bear": "Bruno",
        "penguin": "Pip",
        "rabbit": "Sir Fluffington Barnaby the Third of the Whispering Woods",
        "fox": "Foxy",
        "teddy": "Teddy",
    },
    child="Mia",
    group="Sunday at Granny's",
    nickname="Granny",
    with_bear=(
        ("2 18:02", "mum", "Dinner is ready, little bear!"),
        ("2 18:03", "bear", 4.0),
        ("1 07:41", "mum", 9.5),
        ("1 07:44", "bear", 2.5),
        ("1 07:45", "mum", "Have a wonderful day at kindergarten. I put an apple into your bag."),
        ("0 16:20", "mum", 14.0),
        ("0 16:22", "bear", 6.5),
        ("0 18:31", "mum", "I am on the bus. Ten minutes!"),
        ("0 18:34", "bear", 3.0),
        ("0 18:35", "bear", 11.0),
    ),
    with_granny=(
        ("3 10:12", "granny", "Good morning, my dear. Did the parcel arrive?"),
        ("3 10:40", "mum", "It did! She wears the jumper already, and does not want to take it off, not even for bed."),
        ("3 10:42", "granny", 7.0),
        ("0 17:50", "granny", "Shall I bring the cake on Sunday?"),
    ),
    with_family=(
        ("1 19:02", "dad", "I read the story tonight."),
        ("1 19:04", "bear", 5.0),
        ("0 12:10", "mum", "Who picks Mia up?"),
        ("0 12:15", "dad", 4.5),
    ),
    with_cousin=(("2 09:15", "cousin", "We are in town on Saturday."),),
    small_talk=(
        ("mum", "Do we need milk?"),
        ("dad", "And bread. I am at the shop now."),
        ("mum", "Then apples as well, please."),
        ("dad", "The red ones?"),
        ("mum", "Whichever look good. She eats both, as long as somebody cuts them into boats."),
        ("dad", "Boats it is."),
        ("mum", "She sang all the way home."),
        ("dad", "The one about the duck?"),
        ("mum", "What else!"),
        ("dad", "I shall be home at six, if the train wants what I want."),
    ),
    held="Sleep well, Pip. See you in the morning.",
    unsent="We are in the tunnel, back soon.",
    sign="I love you to the moon and back!",
    songs=(
        ("Twinkle, Twinkle, Little Star", "Lullabies", "star"),
        ("Row, Row, Row Your Boat", "Songs", "boat"),
        ("The Moon Who Could Not Sleep", "Stories", "moon"),
        ("Good Morning, Sunshine", "Songs", "sun"),
        ("A very long story of a very small snail who set out to see the sea", "Stories", ""),
        ("Over the Hills", "Lullabies", "hill"),
        ("Rain on the Roof", "Sounds", ""),
    ),
    own_songs=(("Granny's Lullaby", "Lullabies", "moon"), ("Papa reads: The Brave Little Boat", "Stories", "boat")),
    broken_song="Holiday notes",
    long_song="Papa sings in the car, all the way to the sea",
)

ZH = Words(
    locale="zh-CN",
    time_zone="Asia/Shanghai",
    people={
        "mum": "林妈妈",
        "dad": "陈爸爸",
        "granny": "外婆",
        "cousin": "住在西双版纳傣族自治州景洪市的远房表姨一家（爱唱歌的那位）",
        "stranger": "小雨妈妈",
        "neighbour": "老王",
        "newcomer": "周阿姨",
        "operator": "管理员",
    },
    toys={
        "bear": "布布熊",
        "penguin": "小企鹅",
        "rabbit": "会讲故事也会唱歌还喜欢在月光下跳舞的长耳朵白兔先生",
        "fox": "狐狸阿橙",
        "teddy": "团团",
    },
    child="朵朵",
    group="周末去外婆家",
    nickname="姥姥",
    with_bear=(
        ("2 18:02", "mum", "小熊，吃晚饭啦！"),
        ("2 18:03", "bear", 4.0),
        ("1 07:41", "mum", 9.5),
        ("1 07:44", "bear", 2.5),
        ("1 07:45", "mum", "在幼儿园要开开心心的，书包里给你放了一个苹果。"),
        ("0 16:20", "mum", 14.0),
        ("0 16:22", "bear", 6.5),
        ("0 18:31", "mum", "妈妈在公交车上，还有十分钟就到家！"),
        ("0 18:34", "bear", 3.0),
        ("0 18:35", "bear", 11.0),
    ),
    with_granny=(
        ("3 10:12", "granny", "早上好，包裹收到了吗？"),
        ("3 10:40", "mum", "收到啦！毛衣已经穿上了，晚上睡觉都舍不得脱。"),
        ("3 10:42", "granny", 7.0),
        ("0 17:50", "granny", "星期天我带蛋糕过来好不好？"),
    ),
    with_family=(
        ("1 19:02", "dad", "今晚我来讲故事。"),
        ("1 19:04", "bear", 5.0),
        ("0 12:10", "mum", "今天谁去接朵朵？"),
        ("0 12:15", "dad", 4.5),
    ),
    with_cousin=(("2 09:15", "cousin", "我们星期六到城里来。"),),
    small_talk=(
        ("mum", "家里还有牛奶吗？"),
        ("dad", "没有了，面包也没了，我正在超市。"),
        ("mum", "那再买点苹果吧。"),
        ("dad", "要红的吗？"),
        ("mum", "哪种新鲜买哪种，她都爱吃，只要切成小船的样子。"),
        ("dad", "好，切成小船。"),
        ("mum", "她一路唱着歌回来的。"),
        ("dad", "又是那首小鸭子？"),
        ("mum", "还能是哪首！"),
        ("dad", "地铁不晚点的话，我六点到家。"),
    ),
    held="小企鹅，睡个好觉，明天早上见。",
    unsent="我们在隧道里，马上回来。",
    sign="我爱你，比月亮还远！",
    songs=(
        ("小星星", "摇篮曲", "star"),
        ("划小船", "儿歌", "boat"),
        ("睡不着的月亮", "故事", "moon"),
        ("早安，太阳", "儿歌", "sun"),
        ("一只很小很小的蜗牛，决定走很远很远的路，去看一看大海", "故事", ""),
        ("翻过小山坡", "摇篮曲", "hill"),
        ("屋檐下的雨声", "声音", ""),
    ),
    own_songs=(("外婆的摇篮曲", "摇篮曲", "moon"), ("爸爸读：勇敢的小船", "故事", "boat")),
    broken_song="旅行笔记",
    long_song="爸爸一路唱到海边",
)

WORDS: dict[Lang, Words] = {"en": EN, "zh": ZH}
