/** README.txt of a case's package: what is in it, and how to check it without the service that made it. */
export const caseReadme = (id: string, procedure: string, url: string): string => `案件包 / package of a case
案件 case: ${id}
程序 procedure: ${procedure}
出具 made by: ${url}

events/      每一事件的存证证书；尚无证书的，为条目本身 / each event's certificate, or its entry while it has none
contents/    各事件的内容；缺少的为已删除或不向收到本包的一方公开的，不影响事件链的核验
             / what each event says; what is missing was erased or is not for whoever got this package: the chain holds without it
head.json    本包作成时的案件头，由服务签名 / the head of the case when this was made, signed by the service
evidence/    案中证据的存证证书 / certificates of the evidence

核验 / to check:
  kezheng verify PACKAGE.zip --trust TRUST.json --head 您自己保存的案件头 HEAD-THAT-YOU-KEPT.json
包内的案件头不能说明其后没有更多事件；只有您自己保存的案件头才能。
The head inside says nothing of events that came later; only one that you kept yourself does.
`;
