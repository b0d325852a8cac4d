"""Function words: replacing them would break a sentence or reverse its meaning."""

ENGLISH = """
a an the this that these those such
i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
herself it its itself they them their theirs themselves one who whom whose which what
and or but nor so yet if because although though while until unless than as whether
of at by for with about against between into through during before after above below to from up down in out on off
over under upon within without toward towards among
am is are was were be been being have has had having do does did doing done can could will would shall should may
might must ought cannot
not no never none neither n't ain't aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't mightn't
mustn't needn't shan't shouldn't wasn't weren't won't wouldn't
there here when where why how then once again further both each any all some other
s t d m re ve ll n i'm i'd i'll i've you're you'd you'll you've he'd he'll she'd she'll we're we'd we'll we've
they're they'd they'll they've it'd it'll that'd that'll
ain aren couldn didn doesn don hadn hasn haven isn mustn needn shan shouldn wasn weren won wouldn
"""

CHINESE = """
的 地 得 了 着 过 吗 呢 吧 啊 呀 嘛 么 们 在 是 有 和 与 及 或 而 且 但 但是 因为 所以 如果 虽然 就 都 也 又 还 才 再 只
很 不 没 没有 无 未 非 别 莫 我 你 您 他 她 它 我们 你们 他们 她们 它们 这 那 这个 那个 这些 那些 哪 谁 什么 怎么 为什么
把 被 让 给 对 向 从 到 于 为 以 之 其 所 个 上 下 中 里
"""

FUNCTION_WORDS = frozenset((ENGLISH + CHINESE).split())
