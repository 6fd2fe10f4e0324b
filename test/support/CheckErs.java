import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Collection;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.tsp.ArchiveTimeStamp;
import org.bouncycastle.asn1.tsp.ArchiveTimeStampChain;
import org.bouncycastle.asn1.tsp.EvidenceRecord;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.ers.ERSByteData;
import org.bouncycastle.tsp.ers.ERSEvidenceRecord;

/** Checks evidence records against files, as BouncyCastle understands RFC 4998. */
public class CheckErs {
    public static void main(String[] args) throws Exception {
        for (int i = 0; i < args.length; i += 2) {
            String said;
            try {
                said = check(Files.readAllBytes(Paths.get(args[i])), Files.readAllBytes(Paths.get(args[i + 1])));
            } catch (Exception wrong) {
                said = "no: " + wrong.getClass().getSimpleName() + " " + wrong.getMessage();
            }
            System.out.println(said.replace('\n', ' '));
        }
    }

    static String check(byte[] record, byte[] file) throws Exception {
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().build();
        ERSEvidenceRecord ers = new ERSEvidenceRecord(record, digests);
        // What is not DER is read all the same; here it must be the one spelling.
        if (!java.util.Arrays.equals(record, ASN1Primitive.fromByteArray(record).getEncoded("DER"))) {
            return "no: not DER";
        }
        ers.validatePresent(new ERSByteData(file), new java.util.Date());
        StringBuilder times = new StringBuilder("ok");
        for (ArchiveTimeStampChain chain : EvidenceRecord.getInstance(record).getArchiveTimeStampSequence()
                .getArchiveTimeStampChains()) {
            for (ArchiveTimeStamp stamp : chain.getArchiveTimestamps()) {
                TimeStampToken token = new TimeStampToken(new CMSSignedData(stamp.getTimeStamp().getEncoded()));
                verify(token);
                times.append(' ').append(token.getTimeStampInfo().getGenTime().toInstant());
            }
        }
        ers.validate(new JcaSimpleSignerInfoVerifierBuilder().build(ers.getSigningCertificate()));
        return times.toString();
    }

    /** Each token by the certificate that it brings along. */
    static void verify(TimeStampToken token) throws Exception {
        Collection<X509CertificateHolder> found = token.getCertificates().getMatches(token.getSID());
        token.validate(new JcaSimpleSignerInfoVerifierBuilder().build(found.iterator().next()));
    }
}
